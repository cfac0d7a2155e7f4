//! What servers write beside their access log, into the same stream: messages with a time and a level.

use blobwatch_logs::any_time;

/// Whether a line is such a message and no request: `2020/07/05 19:00:00 [error] …` of nginx,
/// `[Sun Jul 05 19:00:00.123456 2020] [core:error] …` of Apache, `[2020-07-05 19:00:00 +0000] [7] [INFO] …` of Gunicorn.
pub(super) fn is_message(line: &str) -> bool {
    of_nginx(line) || of_apache(line)
}

fn of_nginx(line: &str) -> bool {
    line.split_at_checked(19).is_some_and(|(time, rest)| {
        let level = rest.strip_prefix(" [").and_then(|rest| rest.split_once("] "));
        let is_level = level.is_some_and(|(level, _)| level.bytes().all(|byte| byte.is_ascii_lowercase()));
        is_level && time.contains(' ') && any_time(time).is_some()
    })
}

fn of_apache(line: &str) -> bool {
    line.strip_prefix('[')
        .and_then(|rest| rest.split_once("] ["))
        .is_some_and(|(time, _)| any_time(time).is_some())
}

#[cfg(test)]
mod tests {
    use super::is_message;

    #[test]
    fn messages_are_no_requests() {
        for (line, expected) in [
            ("2020/07/05 19:00:00 [error] 9#9: *1 open() \"/v2\" failed", true),
            (
                "[Sun Jul 05 19:00:00.123456 2020] [core:error] [pid 7] AH00037: x",
                true,
            ),
            ("[2020-07-05 19:00:00 +0000] [7] [INFO] Booting worker", true),
            (
                "[05/Jul/2020:19:00:00 +0000] - 200 200 - GET https hub \"/v2/\"",
                false,
            ),
            (
                "192.0.2.7 - - [05/Jul/2020:19:00:00 +0000] \"GET / HTTP/1.1\" 200 5",
                false,
            ),
            ("2020/07/05 19:00:00 hub [info]", false),
            ("[a] [b]", false),
            ("", false),
        ] {
            assert_eq!(is_message(line), expected, "{line}");
        }
    }
}
