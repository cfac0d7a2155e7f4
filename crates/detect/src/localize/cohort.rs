//! A cohort by name, and the words for it.

use std::fmt;

use super::cross_section::CrossSection;

/// "`attribute` in `values`", which is the same as "`attribute` not in `others`" within the cross-section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    pub attribute: String,
    /// Chosen values, by name.
    pub values: Vec<String>,
    /// The attribute's other values, by name; never empty.
    pub others: Vec<String>,
}

/// Who: all literals hold. No literal means everyone.
///
/// `Display` says it in the shorter words: "fingerprint f1, all colos but IAD".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cohort {
    pub literals: Vec<Literal>,
}

impl Cohort {
    pub(super) fn new(section: &CrossSection, chosen: &[Vec<bool>]) -> Self {
        let named = section.attribute_names().into_iter().zip(section.value_names());
        let literal = |((attribute, names), chosen): ((String, Vec<String>), &Vec<bool>)| {
            let (mut values, mut others) = (Vec::new(), Vec::new());
            for (name, inside) in names.into_iter().zip(chosen) {
                if *inside {
                    values.push(name)
                } else {
                    others.push(name)
                }
            }
            Literal {
                attribute,
                values,
                others,
            }
        };
        let literals = named
            .zip(chosen)
            .map(literal)
            .filter(|literal| !literal.others.is_empty());
        Self {
            literals: literals.collect(),
        }
    }

    /// Whether a row with these values of these attributes is in the cohort.
    #[must_use]
    pub fn contains<'a>(&self, value_of: impl Fn(&str) -> &'a str) -> bool {
        self.literals.iter().all(|literal| {
            let value = value_of(&literal.attribute);
            literal.values.iter().any(|v| v == value)
        })
    }
}

impl fmt::Display for Cohort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.literals.is_empty() {
            return write!(f, "everyone");
        }
        for (i, literal) in self.literals.iter().enumerate() {
            write!(f, "{}{literal}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.values.as_slice() {
            _ if self.others.len() < self.values.len() => {
                write!(
                    f,
                    "all {} but {}",
                    plural(&self.attribute),
                    listed(&self.others, "and")
                )
            }
            [value] => write!(f, "{} {value}", self.attribute),
            values => write!(f, "{} {}", self.attribute, listed(values, "or")),
        }
    }
}

/// English plural of an attribute's name; names that end in `s` (`os`) have none that reads well.
fn plural(name: &str) -> String {
    let consonant = |c: char| c.is_ascii_alphabetic() && !"aeiou".contains(c);
    match name.strip_suffix('y') {
        Some(stem) if stem.ends_with(consonant) => format!("{stem}ies"),
        _ if name.ends_with('s') => format!("{name} values"),
        _ => format!("{name}s"),
    }
}

/// "a", "a or b", "a, b or c".
fn listed(values: &[String], word: &str) -> String {
    match values.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} {word} {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(attribute: &str, values: &[&str], others: &[&str], words: &str) {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let literal = Literal {
            attribute: attribute.to_owned(),
            values: owned(values),
            others: owned(others),
        };
        assert_eq!(literal.to_string(), words);
    }

    #[test]
    fn the_shorter_list_is_said() {
        case("colo", &["IAD"], &["FRA", "SIN"], "colo IAD");
        case("colo", &["FRA", "SIN"], &["GRU", "IAD"], "colo FRA or SIN");
        case("colo", &["FRA", "SIN"], &["IAD"], "all colos but IAD");
        case(
            "country",
            &["a", "b", "c"],
            &["d", "e"],
            "all countries but d and e",
        );
        case("os", &["a", "b"], &["c"], "all os values but c");
        case("day", &["a", "b"], &["c"], "all days but c");
        case("asn", &["1", "2", "3"], &["4", "5", "6"], "asn 1, 2 or 3");
    }

    #[test]
    fn no_literal_is_everyone() {
        assert_eq!(Cohort::default().to_string(), "everyone");
    }
}
