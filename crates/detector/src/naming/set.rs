//! A cohort among the cases: which literals of the cells hold, and values of one or two further attributes.

/// Values of one further attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    /// Place in `FURTHER`.
    pub attribute: usize,
    pub values: Vec<u16>,
}

/// All literals hold; none is everyone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Set {
    /// One bit for each literal of the cohort of the cells.
    pub cells: u32,
    pub further: Vec<Choice>,
}

impl Set {
    pub(super) fn with(&self, choice: Choice) -> Self {
        let mut set = self.clone();
        set.further.push(choice);
        set.further.sort_by_key(|choice| choice.attribute);
        set
    }

    /// What is in both, where one of them has no further attribute.
    pub(super) fn and(&self, other: &Self) -> Self {
        let further = self.further.iter().chain(&other.further);
        Self {
            cells: self.cells | other.cells,
            further: further.cloned().collect(),
        }
    }

    pub(super) fn cells_only(&self) -> Self {
        Self {
            cells: self.cells,
            further: Vec::new(),
        }
    }

    pub(super) fn has(&self, attribute: usize) -> bool {
        self.further.iter().any(|choice| choice.attribute == attribute)
    }

    /// It without one of its further attributes.
    pub(super) fn parts(&self) -> impl Iterator<Item = Self> {
        (0..self.further.len()).map(|at| {
            let mut part = self.clone();
            part.further.remove(at);
            part
        })
    }

    /// It without one of the literals of the cells.
    pub(super) fn without_each_cell(&self) -> impl Iterator<Item = Self> + use<> {
        let set = self.clone();
        let bits = (0..u32::BITS).map(|place| 1_u32 << place);
        bits.filter(move |bit| set.cells & bit != 0).map({
            let set = self.clone();
            move |bit| Self {
                cells: set.cells & !bit,
                further: set.further.clone(),
            }
        })
    }
}
