//! The input: cells of attribute values with what was observed and what was expected.
//!
//! Values and cells are kept in the order of their names, so that neither the order of the input nor its repetitions
//! can change an answer.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use super::grid::{Cells, Sum};

/// Attributes of a cross-section. A cell's failed attributes are one bit each in a `u16`.
pub const MAX_ATTRIBUTES: usize = 16;

/// Values of one attribute: 16 attributes x 4,096 values x some 60 bytes of name and sums are 4 MB.
pub const MAX_VALUES: usize = 4_096;

/// Rows: 1,000,000 x (16 attributes x 2 bytes + three `f64` + a pointer) are 64 MB at most, twice while they are sorted.
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
    /// One id per attribute, row after row.
    ids: Vec<u16>,
    rows: Vec<Row>,
}

/// What was counted of a row.
#[derive(Debug, Clone, Copy)]
struct Row {
    sum: Sum,
    /// Known to be behind what was observed; zero where nobody is known.
    clients: f64,
}

/// The ids of a row, 16 bits each, the first attribute in the highest bits: ordered as the ids are.
type Packed = [u64; MAX_ATTRIBUTES / IDS_PER_WORD];

const IDS_PER_WORD: usize = 4;

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
            ids: Vec::new(),
            rows: Vec::new(),
        })
    }

    /// Adds one row; rows with the same values add up.
    ///
    /// # Errors
    /// A wrong number of values, a count that is negative or not finite, or a bound reached.
    pub fn push(&mut self, values: &[&str], observed: f64, expected: f64) -> Result<(), Error> {
        self.push_of_clients(values, observed, expected, 0.0)
    }

    /// As [`Self::push`], where it is known of how many clients the observed events are: they are no retries of one. Of rows
    /// with the same values, which may be of the same clients, the most clients hold.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn push_of_clients(
        &mut self,
        values: &[&str],
        observed: f64,
        expected: f64,
        clients: f64,
    ) -> Result<(), Error> {
        let (wanted, found) = (self.attributes.len(), values.len());
        if wanted != found {
            return Err(Error::WrongLength {
                expected: wanted,
                found,
            });
        }
        check("real", observed)?;
        check("predict", expected)?;
        check("clients", clients)?;
        if self.rows.len() >= MAX_CELLS {
            return Err(Error::TooManyCells);
        }
        let known = self.ids.len();
        for (attribute, value) in self.attributes.iter_mut().zip(values) {
            match attribute.id(value) {
                Ok(id) => self.ids.push(id),
                Err(error) => {
                    self.ids.truncate(known);
                    return Err(error);
                }
            }
        }
        let sum = Sum { observed, expected };
        self.rows.push(Row { sum, clients });
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

    /// Cells with ids by name, in the order of the ids. Equal rows are summed in the order of their counts.
    pub(super) fn cells(&self) -> Cells {
        let ranks: Vec<Vec<u16>> = self.attributes.iter().map(Attribute::ranks).collect();
        let rows = self.ids.chunks(self.attributes.len()).zip(&self.rows);
        let mut rows: Vec<(Packed, Row)> = rows.map(|(ids, row)| (pack(ids, &ranks), *row)).collect();
        rows.sort_unstable_by(|(a, x), (b, y)| a.cmp(b).then_with(|| by_counts(&x.sum, &y.sum)));
        rows.dedup_by(|(next, row), (ids, total)| {
            let same = next == ids;
            if same {
                total.sum.add(row.sum);
                total.clients = total.clients.max(row.clients);
            }
            same
        });
        let ids = rows
            .iter()
            .flat_map(|(packed, _)| unpack(packed).take(self.attributes.len()));
        Cells {
            ids: ids.collect(),
            sums: rows.iter().map(|(_, row)| row.sum).collect(),
            clients: rows.iter().map(|(_, row)| row.clients).collect(),
        }
    }
}

fn by_counts(a: &Sum, b: &Sum) -> Ordering {
    a.observed
        .total_cmp(&b.observed)
        .then(a.expected.total_cmp(&b.expected))
}

fn pack(ids: &[u16], ranks: &[Vec<u16>]) -> Packed {
    let mut ranked = ids
        .iter()
        .zip(ranks)
        .map(|(id, ranks)| ranks.get(usize::from(*id)).copied().unwrap_or_default());
    Packed::default().map(|_| {
        (0..IDS_PER_WORD).fold(0, |word, _| {
            word << u16::BITS | u64::from(ranked.next().unwrap_or_default())
        })
    })
}

fn unpack(packed: &Packed) -> impl Iterator<Item = u16> {
    packed.iter().flat_map(|word| {
        let [a, b, c, d, e, f, g, h] = word.to_be_bytes();
        [[a, b], [c, d], [e, f], [g, h]].map(u16::from_be_bytes)
    })
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
