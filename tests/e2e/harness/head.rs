//! The head of an HTTP/1.1 message, exactly as it was sent: names in their case, fields in their order.

use std::io::{BufRead, Error, ErrorKind, Result, Write};

/// More than any head here; an endless one is an error, not a hang.
const MAX_HEAD_LINES: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// Request or status line.
    pub(crate) start: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl Head {
    /// `None` where the connection ended before a head began.
    pub(crate) fn read(from: &mut impl BufRead) -> Result<Option<Self>> {
        let Some(start) = line(from)? else { return Ok(None) };
        let mut fields = Vec::new();
        for _ in 0..MAX_HEAD_LINES {
            let field = line(from)?.ok_or(ErrorKind::UnexpectedEof)?;
            if field.is_empty() {
                return Ok(Some(Self { start, fields }));
            }
            let (name, value) = field.split_once(':').ok_or_else(|| Error::other(field.clone()))?;
            fields.push((name.to_owned(), value.trim().to_owned()));
        }
        Err(Error::other("an endless head"))
    }

    pub(crate) fn write(&self, to: &mut impl Write) -> Result<()> {
        let mut text = format!("{}\r\n", self.start);
        for (name, value) in &self.fields {
            text += &format!("{name}: {value}\r\n");
        }
        to.write_all((text + "\r\n").as_bytes())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.fields.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.fields.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }

    /// Of a request line.
    pub(crate) fn method(&self) -> &str {
        self.start.split(' ').next().unwrap_or_default()
    }

    /// Of a request line: path and query.
    pub(crate) fn target(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }

    /// Of a status line.
    pub(crate) fn status(&self) -> u16 {
        self.start
            .split(' ')
            .nth(1)
            .and_then(|s| s.parse().ok())
            .unwrap_or_default()
    }
}

fn line(from: &mut impl BufRead) -> Result<Option<String>> {
    let mut line = Vec::new();
    if from.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(
        String::from_utf8_lossy(&line)
            .trim_end_matches(['\r', '\n'])
            .to_owned(),
    ))
}
