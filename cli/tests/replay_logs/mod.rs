//! Logs of a night: pulls of many clients for two hours and forty minutes, in which in the bad one every download of
//! Amazon Linux hangs from 21:20 on and is resumed, everywhere but in IAD.
//!
//! Seeded: the same night each time.

#[path = "../seeded/mod.rs"]
mod seeded;

use std::fmt::Write;

pub(crate) use seeded::Random;

/// 2020-07-05T19:00:00Z.
pub(crate) const BEGIN_S: u64 = 1_593_975_600;
/// When downloads begin to hang.
pub(crate) const FAULT_S: u64 = BEGIN_S + 8_400;
const END_S: u64 = BEGIN_S + 9_600;

const KERNELS: [&str; 4] = [
    "4.14.181-140.257.amzn2.x86_64",
    "4.18.0-513.9.1.el8_9.x86_64",
    "6.10.14-linuxkit",
    "6.8.0-45-generic",
];
const SIZES: [u64; 6] = [1_200, 40_000, 700_000, 5_000_000, 30_000_000, 60_000_000];

/// One request for a blob.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) time_s: u64,
    pub(crate) client: u64,
    pub(crate) kernel: &'static str,
    pub(crate) blob: u64,
    pub(crate) size: u64,
    pub(crate) start: Option<u64>,
    pub(crate) sent: u64,
}

/// The lines of a night in order of time.
pub(crate) fn night(is_bad: bool) -> Vec<Line> {
    let mut random = Random(5);
    let mut lines = Vec::new();
    for time_s in BEGIN_S..END_S {
        for _ in 0..4 {
            let client = random.next(4_000);
            let blob = random.next(600);
            let kernel = KERNELS[client as usize / 4 % 4];
            let size = SIZES[blob as usize % 6] + blob;
            let is_hit = is_bad && time_s >= FAULT_S && kernel.contains("amzn") && size > 1_000_000;
            let hangs = is_hit && random.next(4) > 0 || size > 1_000_000 && random.next(250) == 0;
            let cut = if hangs { 1 + random.next(size - 2) } else { size };
            let line = Line {
                time_s,
                client,
                kernel,
                blob,
                size,
                start: None,
                sent: cut,
            };
            lines.push(line.clone());
            if hangs {
                let start = Some(cut);
                lines.push(Line {
                    time_s: time_s + 20,
                    start,
                    sent: size - cut,
                    ..line
                });
            }
        }
    }
    lines.sort_by_key(|line| line.time_s);
    lines
}

impl Line {
    pub(crate) fn digest(&self) -> String {
        format!("sha256:{:064x}", self.blob.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(crate) fn address(&self) -> String {
        format!(
            "10.{}.{}.{}",
            self.client / 800,
            self.client / 8 % 100,
            self.client % 200
        )
    }

    pub(crate) fn user_agent(&self) -> String {
        format!(
            "docker/19.03.12 go/go1.13.10 git-commit/48a66213fe kernel/{} os/linux arch/amd64",
            self.kernel
        )
    }

    /// With the two fields of ranges that `blobwatch replay --help` shows.
    pub(crate) fn combined(&self, has_ranges: bool) -> String {
        let (hour, minute, second) = (self.time_s / 3600 % 24, self.time_s / 60 % 60, self.time_s % 60);
        let status = if self.start.is_some() { 206 } else { 200 };
        let mut line = format!(
            r#"{} - - [05/Jul/2020:{hour:02}:{minute:02}:{second:02} +0000] "GET /v2/library/img{}/blobs/{} HTTP/1.1" {status} {} "-" "{}""#,
            self.address(),
            self.blob % 40,
            self.digest(),
            self.sent,
            self.user_agent()
        );
        if has_ranges {
            match self.start {
                Some(start) => {
                    let _ = write!(
                        line,
                        r#" "bytes={start}-" "bytes {start}-{}/{}""#,
                        self.size - 1,
                        self.size
                    );
                }
                None => line.push_str(r#" "-" "-""#),
            }
        }
        line.push('\n');
        line
    }

    /// Cloudflare's fields with the Range; `bytes` is the name of the field with what was sent, if there is one, and `head`
    /// what it counts beside the body.
    pub(crate) fn logpush(&self, bytes: Option<(&str, u64)>) -> String {
        let mut line = format!(
            r#"{{"EdgeStartTimestamp":{},"ClientRequestMethod":"GET","ClientRequestPath":"/v2/library/img{}/blobs/{}","#,
            self.time_s,
            self.blob % 40,
            self.digest()
        );
        let status = if self.start.is_some() { 206 } else { 200 };
        let _ = write!(
            line,
            r#""EdgeResponseStatus":{status},"ClientIP":"{}","ClientRequestUserAgent":"{}""#,
            self.address(),
            self.user_agent()
        );
        if let Some((name, head)) = bytes {
            let _ = write!(line, r#","{name}":{}"#, self.sent + head);
        }
        if let Some(start) = self.start {
            let _ = write!(line, r#","RequestHeaders":{{"range":"bytes={start}-"}}"#);
        }
        line.push_str("}\n");
        line
    }
}
