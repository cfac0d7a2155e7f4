//! A compiled rulebook as bytes: what the control plane compiles and an isolate only has to load.
//!
//! In scope: the bytes of an [`Engine`], and that whatever is read ends when it runs. Not in scope: the version and the
//! checksum around them (`rulebook::Program`). Fields travel by name, so that a build with more of them, or in another
//! order, reads them all the same.

mod condition;
mod list;
mod probe;
mod ranges;
mod term;

pub(super) use ranges::{v4, v6};

use super::condition::Condition;
use super::group::Group;
use super::guard::Guards;
use super::probe::Probe;
use super::terms::{Source, Terms};
use super::tree::{FAILS, HOLDS, Odd, PredicateId, Step};
use super::{Answer, Each, Eager, Engine};
use crate::field::Field;
use crate::limits::MAX_NESTING;
use crate::list::List;
use crate::term::Quantifier;
use blobwatch_wire::{DecodeError, Reader, put_all, put_text, put_varint};

pub(super) type DecodeResult<T> = Result<T, DecodeError>;

/// What the bytes name: fields by their numbers, `None` for one that this build does not know, and lists.
pub(super) struct Names {
    fields: Vec<Option<Field>>,
    lists: Vec<List>,
}

impl Names {
    fn put(out: &mut Vec<u8>) {
        put_all(out, Field::ALL.iter(), |out, field| put_text(out, field.name()));
    }

    fn read(reader: &mut Reader<'_>, lists: Vec<List>) -> DecodeResult<Self> {
        let fields = reader.all(|reader| reader.text().map(Field::named))?;
        Ok(Self { fields, lists })
    }

    pub(super) fn list(&self, reader: &mut Reader<'_>) -> DecodeResult<List> {
        let name = reader.text()?;
        let list = self.lists.iter().find(|list| list.name() == name);
        list.cloned().ok_or(DecodeError::Invalid("list"))
    }

    pub(super) fn field(&self, reader: &mut Reader<'_>) -> DecodeResult<Field> {
        let known = self.fields.get(usize::from(reader.byte()?));
        known.copied().flatten().ok_or(DecodeError::Invalid("field"))
    }
}

pub(super) fn put_field(out: &mut Vec<u8>, field: Field) {
    out.push(field as u8);
}

pub(super) fn put_number(out: &mut Vec<u8>, number: u32) {
    put_varint(out, u64::from(number));
}

#[inline(never)]
pub(super) fn read_number(reader: &mut Reader<'_>) -> DecodeResult<u32> {
    reader.narrow("number")
}

pub(super) fn put_numbers(out: &mut Vec<u8>, numbers: &[u32]) {
    put_all(out, numbers.iter(), |out, number| put_number(out, *number));
}

impl Engine {
    /// As [`Self::from_bytes`] reads it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.put_lists(&mut out);
        self.put(&mut out);
        out
    }

    /// Whatever the bytes are, what it gives runs to an end on every request.
    ///
    /// # Errors
    /// When they are not those of an engine, or use a field that this build does not know.
    pub fn from_bytes(bytes: &[u8]) -> DecodeResult<Self> {
        let mut reader = Reader::new(bytes);
        let lists = Self::read_lists(&mut reader)?;
        let engine = Self::read(&mut reader, lists)?;
        reader.finish()?;
        Ok(engine)
    }

    /// The lists that rules name: apart, since earlier builds have none.
    #[must_use]
    pub fn has_lists(&self) -> bool {
        !self.lists.is_empty()
    }

    pub fn put_lists(&self, out: &mut Vec<u8>) {
        put_all(out, self.lists.iter(), list::put);
    }

    /// # Errors
    /// When the bytes are not those of lists.
    pub fn read_lists(reader: &mut Reader<'_>) -> DecodeResult<Vec<List>> {
        reader.all(list::read)
    }

    pub fn put(&self, out: &mut Vec<u8>) {
        Names::put(out);
        put_all(out, self.terms.0.iter(), term::put);
        put_all(out, self.groups.iter(), |out, group| group.put(out));
        let is_own = |answer: &&Answer| !matches!(answer, Answer::Group(_));
        put_varint(out, self.answers.iter().filter(is_own).count() as u64);
        for answer in self.answers.iter().filter(is_own) {
            put_answer(out, answer);
        }
        put_all(out, self.steps.iter(), put_step);
        put_numbers(out, &self.roots);
        for word in &self.always {
            out.extend(word.to_le_bytes());
        }
        put_all(out, self.eager.iter(), |out, eager| match eager {
            Eager::Group(group) => put_varint(out, u64::from(*group) << 1),
            Eager::Single(predicate) => put_varint(out, u64::from(*predicate) << 1 | 1),
        });
        put_all(out, self.guards.iter(), put_numbers);
    }

    pub fn read(reader: &mut Reader<'_>, lists: Vec<List>) -> DecodeResult<Self> {
        let names = Names::read(reader, lists)?;
        let terms = Terms(reader.all(|reader| term::read(reader, &names))?);
        let mut next: PredicateId = 0;
        let groups = reader.all(|reader| {
            let group = Group::read(reader, &names, terms.0.len(), next)?;
            next = group.predicates.end;
            Ok(group)
        })?;
        let mut answers: Vec<Answer> = (0..)
            .zip(&groups)
            .flat_map(|(index, group)| group.predicates.clone().map(move |_| Answer::Group(index)))
            .collect();
        answers.extend(reader.all(|reader| read_answer(reader, &names, terms.0.len()))?);
        let steps = reader.all(read_step)?;
        let roots = reader.all(read_number)?;
        let mut always = Vec::with_capacity(roots.len().div_ceil(64));
        for _ in 0..roots.len().div_ceil(64) {
            always.push(reader.word()?);
        }
        let eager = reader.all(|reader| {
            let eager: u32 = reader.narrow("number")?;
            Ok(if eager & 1 == 0 {
                Eager::Group(eager >> 1)
            } else {
                Eager::Single(eager >> 1)
            })
        })?;
        let mut guards = Guards::default();
        for _ in 0..reader.count(1)? {
            guards.add(reader.all(read_number)?);
        }
        check_ends(&steps, &answers)?;
        Ok(Self {
            lists: names.lists,
            terms,
            groups,
            answers,
            steps,
            roots,
            always,
            eager,
            guards,
        })
    }
}

pub(super) fn put_source(out: &mut Vec<u8>, source: Source) {
    match source {
        Source::Field(field) => {
            out.push(0);
            put_field(out, field);
        }
        Source::Derived(term) => {
            out.push(1);
            put_varint(out, term as u64);
        }
    }
}

/// `terms`: how many there are.
pub(super) fn read_source(reader: &mut Reader<'_>, names: &Names, terms: usize) -> DecodeResult<Source> {
    match reader.byte()? {
        0 => names.field(reader).map(Source::Field),
        1 => match reader.narrow("term")? {
            term if term < terms => Ok(Source::Derived(term)),
            _ => Err(DecodeError::Invalid("term")),
        },
        _ => Err(DecodeError::Invalid("source")),
    }
}

/// Those of groups are known from the groups.
fn put_answer(out: &mut Vec<u8>, answer: &Answer) {
    match answer {
        Answer::Group(_) => {}
        Answer::Single(source, probe) => {
            out.push(0);
            put_source(out, *source);
            probe.put(out);
        }
        Answer::Each(each) => {
            let all = u8::from(each.quantifier == Quantifier::All);
            match &each.condition {
                Condition::One(term, probe, negated) => {
                    out.extend([1, all]);
                    condition::put_one(out, term, probe, *negated);
                }
                several => {
                    out.extend([3, all]);
                    condition::put(out, several);
                }
            }
        }
        Answer::Odd(odd) => {
            out.push(2);
            put_numbers(out, &odd.parts);
            out.push(u8::from(odd.negated));
        }
    }
}

fn read_answer(reader: &mut Reader<'_>, names: &Names, terms: usize) -> DecodeResult<Answer> {
    Ok(match reader.byte()? {
        0 => Answer::Single(read_source(reader, names, terms)?, Probe::read(reader, names)?),
        1 => Answer::Each(Box::new(Each {
            quantifier: read_quantifier(reader)?,
            condition: condition::read_one(reader, names)?,
        })),
        3 => Answer::Each(Box::new(Each {
            quantifier: read_quantifier(reader)?,
            condition: condition::read(reader, names)?,
        })),
        2 => Answer::Odd(Odd {
            parts: reader.all(read_number)?,
            negated: reader.flag()?,
        }),
        _ => return Err(DecodeError::Invalid("answer")),
    })
}

fn read_quantifier(reader: &mut Reader<'_>) -> DecodeResult<Quantifier> {
    Ok(if reader.flag()? {
        Quantifier::All
    } else {
        Quantifier::Any
    })
}

/// The two ends of a rule are the largest numbers of steps; added to them it makes them 0 and 1, a byte each.
const ENDS: u32 = 2;

fn put_step(out: &mut Vec<u8>, step: &Step) {
    put_number(out, step.predicate);
    for target in [step.if_holds, step.if_fails] {
        put_number(out, target.wrapping_add(ENDS));
    }
}

fn read_step(reader: &mut Reader<'_>) -> DecodeResult<Step> {
    Ok(Step {
        predicate: read_number(reader)?,
        if_holds: read_number(reader)?.wrapping_sub(ENDS),
        if_fails: read_number(reader)?.wrapping_sub(ENDS),
    })
}

/// Steps lead to earlier ones only, those within an "odd number of" too, and such are not deeper within each other than
/// the language lets them: a run ends, on a stack that is large enough.
fn check_ends(steps: &[Step], answers: &[Answer]) -> DecodeResult<()> {
    let mut depths: Vec<usize> = Vec::with_capacity(steps.len());
    for step in steps {
        let depth_of = |target: u32| match target {
            HOLDS | FAILS => Ok(0),
            earlier => {
                let depth = depths.get(earlier as usize).copied();
                depth.ok_or(DecodeError::Invalid("step"))
            }
        };
        let mut depth = depth_of(step.if_holds)?.max(depth_of(step.if_fails)?);
        if let Some(Answer::Odd(odd)) = answers.get(step.predicate as usize) {
            for part in &odd.parts {
                depth = depth.max(1 + depth_of(*part)?);
            }
        }
        if depth > MAX_NESTING {
            return Err(DecodeError::Invalid("nesting"));
        }
        depths.push(depth);
    }
    Ok(())
}
