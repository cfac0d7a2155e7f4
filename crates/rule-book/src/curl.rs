//! A curl command line as the request that it makes.
//!
//! In scope: words as a shell splits them, and the options that change what is asked. Options that only change what curl
//! prints are skipped; what is neither known is an error, since it may change the request.

use crate::handwritten_request::HandwrittenRequest;

/// What was expected, and where.
type Expected = String;

/// Options that take no value and change nothing that is asked.
const SILENT: &[&str] = &[
    "-s",
    "-S",
    "-f",
    "-v",
    "-k",
    "-i",
    "-L",
    "-g",
    "-N",
    "-#",
    "-O",
    "-J",
    "-4",
    "-6",
    "--silent",
    "--show-error",
    "--fail",
    "--fail-with-body",
    "--verbose",
    "--insecure",
    "--include",
    "--location",
    "--globoff",
    "--no-buffer",
    "--remote-name",
    "--progress-bar",
    "--ipv4",
    "--ipv6",
    "--path-as-is",
    "--no-progress-meter",
];

/// Options with a value that changes nothing that is asked.
const SILENT_WITH_VALUE: &[&str] = &[
    "-o",
    "-w",
    "-m",
    "-D",
    "-c",
    "-x",
    "-E",
    "--output",
    "--write-out",
    "--max-time",
    "--dump-header",
    "--cookie-jar",
    "--proxy",
    "--connect-timeout",
    "--retry",
    "--retry-delay",
    "--resolve",
    "--connect-to",
    "--cacert",
    "--cert",
    "--key",
    "--interface",
    "--limit-rate",
    "--max-redirs",
];

/// Reads a line that begins with `curl`, or the arguments alone.
///
/// # Errors
/// What was expected in it.
pub(crate) fn read(line: &str) -> Result<HandwrittenRequest, Expected> {
    let mut words = words(line)?.into_iter().peekable();
    words.next_if(|word| word == "curl");
    let mut asked = HandwrittenRequest::default();
    let mut url = None;
    let mut method = None;
    while let Some(word) = words.next() {
        for (option, joined) in options(&word) {
            let mut value = |what: &str| {
                let given = joined.clone().or_else(|| words.next());
                given.ok_or_else(|| format!("{what} after {option}"))
            };
            match option.as_str() {
                "-X" | "--request" => method = Some(value("a method")?),
                "-H" | "--header" => header(&mut asked, &value("a header")?)?,
                "-A" | "--user-agent" => asked.header("user-agent", &value("a User-Agent")?),
                "-e" | "--referer" => asked.header("referer", &value("a referer")?),
                "-b" | "--cookie" => asked.header("cookie", &value("cookies")?),
                "-r" | "--range" => asked.header("range", &format!("bytes={}", value("a range")?)),
                // Who signs in is no fact of the rule language; that somebody does is.
                "-u" | "--user" => {
                    value("a user")?;
                    asked.header("authorization", "Basic");
                }
                "--oauth2-bearer" => {
                    value("a token")?;
                    asked.header("authorization", "Bearer");
                }
                "-C" | "--continue-at" => {
                    let from = value("an offset")?;
                    if from != "-" {
                        asked.header("range", &format!("bytes={from}-"));
                    }
                }
                "-d" | "--data" | "--data-raw" | "--data-binary" | "-F" | "--form" | "-T"
                | "--upload-file" => {
                    value("data")?;
                    method.get_or_insert_with(|| "POST".to_owned());
                }
                "-I" | "--head" => method = Some("HEAD".to_owned()),
                "-G" | "--get" => method = Some("GET".to_owned()),
                "--compressed" => asked.header("accept-encoding", "deflate, gzip, br, zstd"),
                "--http1.0" | "-0" => asked.set_version("HTTP/1.0"),
                "--http1.1" => asked.set_version("HTTP/1.1"),
                "--http2" => asked.set_version("HTTP/2"),
                "--http3" => asked.set_version("HTTP/3"),
                "--url" => url = Some(value("a URL")?),
                silent if SILENT.contains(&silent) => {}
                silent if SILENT_WITH_VALUE.contains(&silent) => drop(value("a value")?),
                option if option.starts_with('-') => {
                    return Err(format!("no option {option:?}: it is not known here"));
                }
                address => url = Some(address.to_owned()),
            }
        }
    }
    asked.set_url(&url.ok_or_else(|| "a URL in the curl line".to_owned())?)?;
    asked.method = method.unwrap_or_else(|| "GET".to_owned());
    asked.default_header("user-agent", "curl/8");
    asked.default_header("accept", "*/*");
    Ok(asked)
}

/// `-sSL` is three options, `-XHEAD` one with its value, `--request=HEAD` too.
fn options(word: &str) -> Vec<(String, Option<String>)> {
    let with_value = "XHAebruCdFTowmDcxE";
    if let Some((name, value)) = word.split_once('=').filter(|_| word.starts_with("--")) {
        return vec![(name.to_owned(), Some(value.to_owned()))];
    }
    if word.starts_with("--") || !word.starts_with('-') || word.len() <= 2 {
        return vec![(word.to_owned(), None)];
    }
    let mut options = Vec::new();
    for (at, letter) in word.char_indices().skip(1) {
        let rest = word.get(at + letter.len_utf8()..).unwrap_or_default();
        let option = format!("-{letter}");
        if with_value.contains(letter) {
            options.push((option, (!rest.is_empty()).then(|| rest.to_owned())));
            return options;
        }
        options.push((option, None));
    }
    options
}

fn header(asked: &mut HandwrittenRequest, text: &str) -> Result<(), Expected> {
    let (name, value) = match text.split_once(':') {
        Some(parts) => parts,
        None => {
            let empty = text
                .strip_suffix(';')
                .ok_or_else(|| format!("a header `name: value`, found {text:?}"))?;
            (empty, "")
        }
    };
    asked.header(name.trim(), value.trim());
    Ok(())
}

/// The words of a command line, as sh splits them.
fn words(line: &str) -> Result<Vec<String>, Expected> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match c {
            '\'' => word
                .get_or_insert_default()
                .push_str(&until(&mut rest, '\'', false)?),
            '"' => word
                .get_or_insert_default()
                .push_str(&until(&mut rest, '"', true)?),
            '\\' => match rest.next() {
                Some('\n') | None => {}
                Some('\r') => _ = rest.next(),
                Some(c) => word.get_or_insert_default().push(c),
            },
            '$' if rest.as_str().starts_with('\'') && word.is_none() => word = Some(String::new()),
            c if c.is_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

fn until(rest: &mut std::str::Chars<'_>, end: char, escapes: bool) -> Result<String, Expected> {
    let mut text = String::new();
    while let Some(c) = rest.next() {
        match c {
            c if c == end => return Ok(text),
            '\\' if escapes => match rest.next() {
                Some('\n') | None => {}
                Some(c @ ('"' | '\\' | '$' | '`')) => text.push(c),
                Some(c) => text.extend(['\\', c]),
            },
            c => text.push(c),
        }
    }
    Err(format!("a closing {end} in the curl line"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(line: &str, method: &str, url: &str, headers: &[(&str, &str)]) {
        let asked = read(line).unwrap();
        let query = if asked.query.is_empty() {
            String::new()
        } else {
            format!("?{}", asked.query)
        };
        let found = format!("{}://{}{}{query}", asked.scheme, asked.host, asked.path);
        assert_eq!((asked.method.as_str(), found.as_str()), (method, url));
        for (name, value) in headers {
            assert!(
                asked.headers.contains(&((*name).to_owned(), (*value).to_owned())),
                "{name}: {:?}",
                asked.headers
            );
        }
    }

    #[test]
    fn a_line_is_the_request_that_it_makes() {
        let blob = "https://r.example/v2/a/b/blobs/sha256:00";
        case(
            &format!("curl {blob}"),
            "GET",
            blob,
            &[("user-agent", "curl/8"), ("accept", "*/*")],
        );
        case(
            &format!("curl -sSLI -A 'docker/19.03.6-ce go/go1.13' -H \"X-A: \\\"b\\\"\" \\\n  {blob}"),
            "HEAD",
            blob,
            &[("user-agent", "docker/19.03.6-ce go/go1.13"), ("x-a", "\"b\"")],
        );
        case(&format!("-XDELETE --url {blob}"), "DELETE", blob, &[]);
        case(
            &format!("curl -r 5- -o /dev/null {blob}"),
            "GET",
            blob,
            &[("range", "bytes=5-")],
        );
        case(
            &format!("curl --header=Range:bytes=0-1 {blob}"),
            "GET",
            blob,
            &[("range", "bytes=0-1")],
        );
        case(
            "curl 'HTTPS://R.Example:5000/v2/?ns=docker.io&x'",
            "GET",
            "https://r.example/v2/?ns=docker.io&x",
            &[],
        );
        case("curl r.example/v2/", "GET", "http://r.example/v2/", &[]);
        case(
            &format!("curl -u ada:secret -d x=1 {blob}"),
            "POST",
            blob,
            &[("authorization", "Basic")],
        );
    }

    #[test]
    fn what_cannot_be_read_says_what_was_expected() {
        for (line, expected) in [
            ("curl", "a URL in the curl line"),
            ("curl 'http://a", "a closing ' in the curl line"),
            ("curl -H", "a header after -H"),
            (
                "curl -H nothing http://a",
                "a header `name: value`, found \"nothing\"",
            ),
            (
                "curl --unheard-of http://a",
                "no option \"--unheard-of\": it is not known here",
            ),
            ("curl ftp://a/b", "an http or https URL, found \"ftp://a/b\""),
        ] {
            assert_eq!(read(line).unwrap_err(), expected, "{line}");
        }
    }
}
