//! The input: cells of attribute values with what was observed and what was expected.
//!
//! Values and cells are kept in the order of their names, so that neither the order of the input nor its repetitions
//! can change an answer.

use std::collections::BTreeMap;
use std::fmt;

/// Attributes of a cross-section. A cell's failed attributes are one bit each in a `u16`.
pub const MAX_ATTRIBUTES: usize = 16;

/// Values of one attribute: 16 attributes x 4,096 values x some 60 bytes of name and sums are 4 MB.
pub const MAX_VALUES: usize = 4_096;

/// Rows: 1,000,000 x (16 attributes x 2 bytes + two `f64` + a pointer) are 64 MB at most, twice while they are sorted.
pub const MAX_CELLS: usize = 1_000_000;

/// Why a cross-section was refused: what was expected instead. The text fits "failed to read a cross-section: expected …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    NoAttributes,
    TooManyAttributes(usize),
    RepeatedAttribute(String),
    WrongLength { expected: usize, found: usize },
    NotACount { field: &'static str },
    TooManyValues { attribute: String },
    TooManyCells,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAttributes => write!(f, "at least one attribute"),
            Self::TooManyAttributes(found) => {
                write!(f, "at most {MAX_ATTRIBUTES} attributes, found {found}")
            }
            Self::RepeatedAttribute(name) => write!(f, "attribute `{name}` once, found it again"),
            Self::WrongLength { expected, found } => {
                write!(f, "{expected} attribute values, found {found}")
            }
            Self::NotACount { field } => {
                write!(f, "`{field}` to be a finite number of zero or more")
            }
            Self::TooManyValues { attribute } => {
                write!(
                    f,
                    "at most {MAX_VALUES} values of attribute `{attribute}`, found more"
                )
            }
            Self::TooManyCells => write!(f, "at most {MAX_CELLS} cells, found more"),
        }
    }
}

impl std::error::Error for Error {}

/// Values seen so far; ids are in the order of arrival until [`CrossSection::cells`] orders them by name.
#[derive(Debug, Clone)]
struct Attribute {
    name: String,
    ids: BTreeMap<String, u16>,
}

/// Observed and expected counts (or rates: any non-negative measure that adds up) per combination of values.
#[derive(Debug, Clone)]
pub struct CrossSection {
    attributes: Vec<Attribute>,
    rows: Vec<Cell>,
}

/// One cell: value ids by attribute, observed, expected.
pub(super) type Cell = (Box<[u16]>, f64, f64);

impl CrossSection {
    /// An empty cross-section over these attributes.
    ///
    /// # Errors
    /// No attributes, more than [`MAX_ATTRIBUTES`], or a name twice.
    pub fn new(attributes: &[&str]) -> Result<Self, Error> {
        match attributes.len() {
            0 => return Err(Error::NoAttributes),
            found if found > MAX_ATTRIBUTES => return Err(Error::TooManyAttributes(found)),
            _ => {}
        }
        for (i, name) in attributes.iter().enumerate() {
            if attributes.iter().take(i).any(|earlier| earlier == name) {
                return Err(Error::RepeatedAttribute((*name).to_owned()));
            }
        }
        let named = |name: &&str| Attribute {
            name: (*name).to_owned(),
            ids: BTreeMap::new(),
        };
        Ok(Self {
            attributes: attributes.iter().map(named).collect(),
            rows: Vec::new(),
        })
    }

    /// Adds one row; rows with the same values add up.
    ///
    /// # Errors
    /// A wrong number of values, a count that is negative or not finite, or a bound reached.
    pub fn push(&mut self, values: &[&str], observed: f64, expected: f64) -> Result<(), Error> {
        let (wanted, found) = (self.attributes.len(), values.len());
        if wanted != found {
            return Err(Error::WrongLength {
                expected: wanted,
                found,
            });
        }
        check("real", observed)?;
        check("predict", expected)?;
        let ids = self
            .attributes
            .iter_mut()
            .zip(values)
            .map(|(a, v)| a.id(v))
            .collect::<Result<_, _>>()?;
        if self.rows.len() >= MAX_CELLS {
            return Err(Error::TooManyCells);
        }
        self.rows.push((ids, observed, expected));
        Ok(())
    }

    pub(super) fn attribute_names(&self) -> Vec<String> {
        self.attributes.iter().map(|a| a.name.clone()).collect()
    }

    /// Values per attribute in the order of their names: the ids of [`Self::cells`].
    pub(super) fn value_names(&self) -> Vec<Vec<String>> {
        self.attributes
            .iter()
            .map(|a| a.ids.keys().cloned().collect())
            .collect()
    }

    /// Cells with ids by name, in the order of the ids; equal rows summed in the order of their counts.
    pub(super) fn cells(&self) -> Vec<Cell> {
        let ranks: Vec<Vec<u16>> = self.attributes.iter().map(Attribute::ranks).collect();
        let rank = |(ranks, id): (&Vec<u16>, &u16)| ranks.get(usize::from(*id)).copied().unwrap_or_default();
        let by_name = |(ids, c, e): &Cell| (ranks.iter().zip(ids).map(rank).collect(), *c, *e);
        let mut rows: Vec<Cell> = self.rows.iter().map(by_name).collect();
        rows.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.total_cmp(&b.2)));
        rows.dedup_by(|next, cell| {
            let same = next.0 == cell.0;
            if same {
                cell.1 += next.1;
                cell.2 += next.2;
            }
            same
        });
        rows
    }
}

impl Attribute {
    fn id(&mut self, value: &str) -> Result<u16, Error> {
        if let Some(id) = self.ids.get(value) {
            return Ok(*id);
        }
        let full = || Error::TooManyValues {
            attribute: self.name.clone(),
        };
        if self.ids.len() >= MAX_VALUES {
            return Err(full());
        }
        let id = u16::try_from(self.ids.len()).map_err(|_| full())?;
        self.ids.insert(value.to_owned(), id);
        Ok(id)
    }

    /// Position by name of each id.
    fn ranks(&self) -> Vec<u16> {
        let mut by_id: Vec<(u16, u16)> = self.ids.values().copied().zip(0..).collect();
        by_id.sort_unstable();
        by_id.into_iter().map(|(_, rank)| rank).collect()
    }
}

fn check(field: &'static str, value: f64) -> Result<(), Error> {
    if value.is_finite() && value >= 0.0 {
        Ok(())
    } else {
        Err(Error::NotACount { field })
    }
}
