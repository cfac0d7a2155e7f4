//! Families in stored bytes: a number, or one that says that the name is among the texts.

use super::texts::{TextTable, Texts};
use blobwatch_pull::Family;
use blobwatch_wire::{DecodeError, Reader};

/// The families that have a number, in its order. A number is never given to another one, and a new family needs none.
const NUMBERED: [Family; 24] = [
    Family::Unknown,
    Family::Docker,
    Family::Containerd,
    Family::Buildkit,
    Family::Podman,
    Family::Skopeo,
    Family::Buildah,
    Family::CriO,
    Family::ContainersImage,
    Family::Crane,
    Family::GoContainerregistry,
    Family::Kaniko,
    Family::Regclient,
    Family::Oras,
    Family::Soci,
    Family::GoDefault,
    Family::Dragonfly,
    Family::Spegel,
    Family::Harbor,
    Family::Curl,
    Family::Wget,
    Family::Aria2,
    Family::Browser,
    Family::Empty,
];

/// The number of all others.
const BY_NAME: u8 = NUMBERED.len() as u8;

fn code(family: &Family) -> u8 {
    let place = NUMBERED.iter().position(|known| known == family);
    place.map_or(BY_NAME, |place| place as u8)
}

/// Its place in a set of families; all that have no number share one.
pub(super) fn bit(family: &Family) -> u32 {
    1 << code(family)
}

/// What must be among the texts.
pub(crate) fn text(family: &Family) -> Option<&str> {
    matches!(family, Family::Named(_)).then(|| family.as_str())
}

pub(crate) fn put(out: &mut Vec<u8>, texts: &Texts<'_>, family: &Family) {
    out.push(code(family));
    if let Some(name) = text(family) {
        texts.put_code(out, name);
    }
}

pub(crate) fn read(reader: &mut Reader<'_>, texts: &TextTable) -> Result<Family, DecodeError> {
    let family = match reader.byte()? {
        BY_NAME => Family::of_name(texts.text(reader)?),
        code => NUMBERED.get(usize::from(code)).copied(),
    };
    family.ok_or(DecodeError::Invalid("family"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_reads_back() {
        let named = Family::known().map(|name| Family::of_name(name).unwrap());
        let all: Vec<Family> = named.chain(Family::of_name("SomeTool")).collect();
        let texts = Texts::of(all.iter().filter_map(text));
        let mut out = Vec::new();
        texts.put(&mut out);
        all.iter().for_each(|family| put(&mut out, &texts, family));
        let mut reader = Reader::new(&out);
        let table = TextTable::read(&mut reader).unwrap();
        for family in &all {
            assert_eq!(read(&mut reader, &table), Ok(*family));
        }
        reader.finish().unwrap();
    }

    #[test]
    fn numbers_are_for_ever() {
        assert_eq!((code(&Family::Unknown), code(&Family::Docker)), (0, 1));
        assert_eq!((code(&Family::Harbor), code(&Family::Empty)), (18, 23));
        assert_eq!(code(&Family::of_name("helm").unwrap()), 24);
    }
}
