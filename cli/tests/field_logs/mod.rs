//! Logs of registries in which something goes wrong, and of some in which nothing does: an hour and more of healthy pulls,
//! then the fault. Seeded: the same log each time.

#[path = "../seeded/mod.rs"]
mod seeded;

use seeded::Random;

/// 2026-03-02T09:00:00Z.
pub(crate) const BEGIN_S: u64 = 1_772_442_000;

const MIB: u64 = 1 << 20;

/// Sizes of the blobs that are pulled.
const SIZES: [u64; 6] = [1_200, 40_000, 700_000, 5_000_000, 30_000_000, 90_000_000];
const BLOBS: u64 = 60;

/// Size of the blobs of some stories, whose numbers are beyond [`BLOBS`].
const LARGEST: u64 = 1_600_000_000;

/// Programs that pull, and how many of ten pulls are theirs.
const AGENTS: [(&str, u64); 4] = [
    (
        "docker/24.0.5 go/go1.20.6 git-commit/a61e2b4 kernel/5.15.0-91-generic os/linux arch/amd64",
        3,
    ),
    (
        "docker/19.03.12 go/go1.13.10 git-commit/48a66213fe kernel/4.14.181-140.257.amzn2.x86_64 os/linux arch/amd64",
        2,
    ),
    (CONTAINERD, 3),
    ("containers/5.29.2 (github.com/containers/image)", 2),
];

/// Of a small registry, which has one network and one place of each program: its log has no more to tell them apart by.
const FEW_AGENTS: [(&str, u64); 5] = [
    (AGENTS[0].0, 4),
    (CONTAINERD, 3),
    ("containerd/2.1.4+bottlerocket", 1),
    ("Homebrew/4.6.19 (Macintosh; arm64 Mac OS X 15.5)", 1),
    ("Helm/3.13", 1),
];

const CONTAINERD: &str = "containerd/1.7.12";
const NEW_CONTAINERD: &str = "containerd/2.1.3";

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Story {
    /// 403 to every blob of one program.
    Denied,
    /// 429 to one program.
    Limited,
    /// 429 to three pulls in ten, of the one program that the log has.
    Throttled,
    /// 503 to two starts in five.
    Failing,
    /// 502 without an origin to all of them.
    Down,
    /// 401 without a success after it.
    Expired,
    /// 416 from the blob's end on, again and again.
    BehindTheEnd,
    /// 416 to two ranges that lie inside of the blob.
    MultiRange,
    /// 403 without a body in one repository.
    Repository,
    /// 403 in the two repositories with a word in their names, to one program.
    Word,
    /// 503 to one blob.
    Blob,
    /// 403 to one version of a program of which two are out.
    Version,
    /// Blobs over 1 GiB end at 1 GiB.
    Cut,
    /// One blob arrives whole and is fetched five times.
    Content,
    /// One system's downloads take twenty times as long.
    Slow,
    /// Redirects that one program does not follow.
    Unreached,
    /// Parts of large blobs, cut and asked for again, sixteen at a time.
    CutParts,
    /// 24 pulls a minute, and 403 to the tenth of them that is one system of a program.
    FewDenied,
    /// As few pulls, and 416 from the blob's end on, again and again, to the program that has a tenth of them.
    FewBehindTheEnd,
    /// As few pulls, and 503 to that program.
    FewFailing,
    /// Nothing: a roll-out of parallel fetches of exactly two chunks, logged when they end.
    TwoChunks,
    /// Nothing: 401 and then 200.
    Challenged,
    /// Nothing: pushes ask for blobs that are not there.
    Pushes,
    /// Nothing: four times as many pulls.
    Rush,
    /// Nothing: one client asks for what does not exist.
    Scanner,
    /// Nothing: one 416 where a file is complete.
    Complete,
    /// Nothing: hosts that fetch single parts.
    Lazy,
}

pub(crate) const FAULTS: [Story; 20] = [
    Story::Denied,
    Story::Limited,
    Story::Failing,
    Story::Down,
    Story::Expired,
    Story::BehindTheEnd,
    Story::MultiRange,
    Story::Repository,
    Story::Word,
    Story::Blob,
    Story::Version,
    Story::Cut,
    Story::Content,
    Story::Slow,
    Story::Unreached,
    Story::CutParts,
    Story::Throttled,
    Story::FewDenied,
    Story::FewBehindTheEnd,
    Story::FewFailing,
];

pub(crate) const HEALTHY: [Story; 7] = [
    Story::TwoChunks,
    Story::Challenged,
    Story::Pushes,
    Story::Rush,
    Story::Scanner,
    Story::Complete,
    Story::Lazy,
];

impl Story {
    /// Kind of anomaly and words that its sentence must have.
    pub(crate) fn expected(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Denied => ("start_refused", &["containerd", "refused with 403"]),
            Self::Limited => ("start_refused", &["containerd", "refused with 429"]),
            Self::Throttled => ("start_refused", &["all clients: ", "refused with 429"]),
            Self::Failing => ("start_failed", &["all clients", "failed with 5xx"]),
            Self::Down => ("start_failed", &["all clients", "failed with 5xx"]),
            Self::Expired => ("start_refused", &["401"]),
            Self::BehindTheEnd => ("range_loop", &["containerd", "behind the end"]),
            Self::MultiRange => ("range_refused", &["containers-image", "multi-range only"]),
            Self::Repository => (
                "start_refused",
                &["repository team/license-server, all clients: ", "403"],
            ),
            Self::Word => (
                "start_refused",
                &[
                    "repositories team/license-audit or team/license-server, containerd: ",
                    "403",
                ],
            ),
            Self::Blob => (
                "start_failed",
                &["blob sha256:", "0004, all clients: ", "failed with 5xx"],
            ),
            Self::Version => ("start_refused", &["containerd 2.1.3: ", "403"]),
            Self::Cut => (
                "abort_surge",
                &["blobs over 1 GiB, all clients: ", "aborted downloads"],
            ),
            Self::Content => (
                "content_suspect",
                &["blob sha256:00", "0004, all clients: ", "fetched again"],
            ),
            Self::Slow => ("slow_surge", &["amzn2", "slow downloads (from "]),
            Self::Unreached => ("target_unreached", &["containerd", "redirects not followed"]),
            Self::CutParts => ("abort_surge", &["resumes", "aborted downloads"]),
            Self::FewDenied => ("start_refused", &["on bottlerocket: ", "refused with 403"]),
            Self::FewBehindTheEnd => ("range_loop", &["homebrew: ", "behind the end"]),
            Self::FewFailing => ("start_failed", &["homebrew: ", "failed with 5xx"]),
            _ => ("", &[]),
        }
    }

    fn has_few_pulls(self) -> bool {
        matches!(self, Self::FewDenied | Self::FewBehindTheEnd | Self::FewFailing)
    }
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) time_s: u64,
    /// Seconds from the request to its line.
    logged_after_s: u64,
    client: u64,
    pub(crate) agent: &'static str,
    pub(crate) method: &'static str,
    pub(crate) repository: &'static str,
    pub(crate) blob: u64,
    pub(crate) status: u16,
    pub(crate) sent: u64,
    pub(crate) range: String,
    pub(crate) content_range: String,
    pub(crate) ms: u64,
}

/// How long everything is well, and then not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) healthy_s: u64,
    pub(crate) story_s: u64,
}

/// Lines in the order in which they were logged.
pub(crate) fn log(story: Story, span: Span, seed: u64) -> Vec<Line> {
    let mut random = Random(seed);
    let mut lines = Vec::new();
    for time_s in BEGIN_S..BEGIN_S + span.healthy_s + span.story_s {
        let has_begun = time_s >= BEGIN_S + span.healthy_s;
        let rush = if has_begun && story == Story::Rush { 4 } else { 1 };
        let pulls = if story.has_few_pulls() {
            u64::from(random.next(5) < 2)
        } else {
            random.next(3) * rush
        };
        for _ in 0..pulls {
            let pull = pull(&mut random, time_s, story);
            if has_begun {
                lines.extend(told(story, pull, &mut random));
            } else {
                lines.push(pull);
            }
        }
    }
    lines.sort_by_key(Line::logged_s);
    lines
}

pub(crate) fn size(blob: u64) -> u64 {
    if blob >= BLOBS {
        return LARGEST;
    }
    let place = blob as usize % SIZES.len();
    SIZES.get(place).copied().unwrap_or_default() + blob
}

/// A healthy pull of one blob.
fn pull(random: &mut Random, time_s: u64, story: Story) -> Line {
    let mut which = random.next(10);
    let agents: &[(&str, u64)] = if story.has_few_pulls() {
        &FEW_AGENTS
    } else {
        &AGENTS
    };
    let agent = agents.iter().find(|(_, share)| {
        let is_it = which < *share;
        which = which.saturating_sub(*share);
        is_it
    });
    let agent = match agent {
        _ if story == Story::Throttled => CONTAINERD,
        Some((CONTAINERD, _)) if story == Story::Version && random.next(2) == 0 => NEW_CONTAINERD,
        Some((agent, _)) => agent,
        None => "",
    };
    let blob = match random.next(BLOBS) {
        blob if story == Story::Blob && blob % 4 == 0 => 4,
        blob if story == Story::Cut && blob % 6 == 0 => 2_000 + blob,
        blob => blob,
    };
    let megabytes_s = 10 + random.next(50);
    let is_redirecting = story == Story::Unreached;
    Line {
        time_s,
        logged_after_s: 0,
        client: random.next(5_000),
        agent,
        method: "GET",
        repository: match random.next(3) {
            0 => "team/app",
            1 => "team/base",
            _ if story == Story::Word && random.next(3) == 0 => "team/license-audit",
            _ => "team/license-server",
        },
        blob,
        status: if is_redirecting { 307 } else { 200 },
        sent: if is_redirecting { 0 } else { size(blob) },
        range: String::new(),
        content_range: String::new(),
        ms: 30 + size(blob) / megabytes_s / 1000,
    }
}

/// What becomes of a pull.
fn told(story: Story, pull: Line, random: &mut Random) -> Vec<Line> {
    let answer = |status, sent| Line {
        status,
        sent,
        ..pull.clone()
    };
    let is = |agent: &str| pull.agent.starts_with(agent);
    let after = |line: &Line, seconds: u64| Line {
        time_s: line.time_s + seconds,
        ..line.clone()
    };
    let tries = |line: Line, times: u64| (0..times).map(|n| after(&line, n * 5)).collect::<Vec<_>>();
    match story {
        Story::Denied if is("containerd") => tries(answer(403, 5_000), 3),
        Story::Limited if is("containerd") => tries(answer(429, 200), 3),
        Story::Throttled if random.next(10) < 3 => tries(answer(429, 200), 3),
        Story::Failing if random.next(5) < 2 => tries(answer(503, 190), 2),
        Story::Down => tries(answer(502, 150), 2),
        Story::Expired if is("containerd") || is("containers") => vec![answer(401, 170)],
        Story::BehindTheEnd if is("containerd") => tries(behind(&pull), 6),
        Story::Complete if random.next(10) == 0 => vec![behind(&pull)],
        Story::MultiRange if is("containers") => vec![Line {
            range: "bytes=100-199, 300-399".to_owned(),
            ..answer(416, 0)
        }],
        Story::Repository if pull.repository.contains("license") => tries(answer(403, 0), 2),
        Story::Word if is("containerd") && pull.repository.contains("license") => tries(answer(403, 0), 2),
        Story::Blob if pull.blob == 4 => tries(answer(503, 190), 3),
        Story::Version if is(NEW_CONTAINERD) => tries(answer(403, 5_000), 3),
        Story::Cut if size(pull.blob) > 1 << 30 => tries(answer(200, 1 << 30), 2),
        Story::Content if pull.blob.is_multiple_of(4) => tries(
            Line {
                blob: 4,
                sent: size(4),
                ms: 900,
                ..pull.clone()
            },
            5,
        ),
        Story::Slow if pull.agent.contains("amzn2") => vec![Line {
            ms: pull.ms * 20,
            ..pull.clone()
        }],
        Story::Unreached if is("containerd") => [0, 12, 40, 90].map(|late| after(&pull, late)).to_vec(),
        Story::CutParts => parts(&pull),
        Story::FewDenied if pull.agent.contains("bottlerocket") => tries(answer(403, 150), 3),
        Story::FewBehindTheEnd if is("Homebrew") => tries(behind(&pull), 6),
        Story::FewFailing if is("Homebrew") => tries(answer(503, 0), 3),
        Story::TwoChunks if is("containerd") => two_chunks(&pull, random),
        Story::Challenged => vec![answer(401, 170), after(&pull, 1 + random.next(20))],
        Story::Pushes => vec![
            Line {
                method: "HEAD",
                ..answer(404, 0)
            },
            pull.clone(),
            Line {
                method: "HEAD",
                ..answer(404, 0)
            },
        ],
        Story::Scanner => vec![
            pull.clone(),
            Line {
                client: 1,
                blob: 1000 + random.next(1 << 40),
                ..answer(404, 150)
            },
        ],
        Story::Lazy if is("containerd") => lazy(&pull, random),
        _ => vec![pull],
    }
}

fn behind(pull: &Line) -> Line {
    let size = size(pull.blob);
    Line {
        status: 416,
        sent: 0,
        range: format!("bytes={size}-"),
        content_range: format!("bytes */{size}"),
        ..pull.clone()
    }
}

/// A part that was answered with 206.
fn part(pull: &Line, range: String, first: u64, last: u64, sent: u64) -> Line {
    Line {
        status: 206,
        sent,
        range,
        content_range: format!("bytes {first}-{last}/{}", size(pull.blob)),
        ..pull.clone()
    }
}

fn parts(pull: &Line) -> Vec<Line> {
    let large = Line {
        blob: 2_000 + pull.blob,
        ..pull.clone()
    };
    let length = 100_000_000;
    let round = |late: u64| (0..16).map(move |n| (late, n * length));
    let line = |(late, first): (u64, u64)| {
        let last = first + length - 1;
        let cut = part(&large, format!("bytes={first}-{last}"), first, last, MIB);
        Line {
            time_s: pull.time_s + late,
            ..cut
        }
    };
    [0, 2, 6].into_iter().flat_map(round).map(line).collect()
}

/// `bytes=0-` and the second chunk at one moment, each written down when it ends.
fn two_chunks(pull: &Line, random: &mut Random) -> Vec<Line> {
    let blob = 3_000 + pull.blob;
    let size = 8 * MIB + 1 + pull.blob * 100_000;
    let of = |first: u64, sent: u64, logged_after_s: u64| Line {
        logged_after_s,
        blob,
        status: 206,
        sent,
        ms: 30 + sent / 30_000,
        range: format!("bytes={first}-"),
        content_range: format!("bytes {first}-{}/{size}", size - 1),
        ..pull.clone()
    };
    let (first, second) = (random.next(5), random.next(5));
    let mut chunks = vec![of(0, 8 * MIB, first), of(8 * MIB, size - 8 * MIB, second)];
    if random.next(2) == 0 {
        chunks.reverse();
    }
    chunks
}

fn lazy(pull: &Line, random: &mut Random) -> Vec<Line> {
    let large = Line {
        blob: 2_000 + pull.blob,
        ..pull.clone()
    };
    (0..8)
        .map(|_| {
            let first = random.next(1_000_000_000);
            part(
                &large,
                format!("bytes={first}-{}", first + 49_999),
                first,
                first + 49_999,
                50_000,
            )
        })
        .collect()
}

impl Line {
    pub(crate) fn digest(&self) -> String {
        format!("sha256:{:064x}", self.blob)
    }

    pub(crate) fn address(&self) -> String {
        format!(
            "10.{}.{}.{}",
            self.client / 2_000,
            self.client / 8 % 250,
            1 + self.client % 8
        )
    }

    fn logged_s(&self) -> u64 {
        self.time_s + self.logged_after_s
    }

    fn clock(&self) -> (u64, u64, u64, u64) {
        let logged_s = self.logged_s();
        let day = 2 + (logged_s - 1_772_409_600) / 86_400;
        (day, logged_s / 3600 % 24, logged_s / 60 % 60, logged_s % 60)
    }

    /// The combined format with the two fields of ranges.
    pub(crate) fn combined(&self) -> String {
        let (day, hour, minute, second) = self.clock();
        let or_none = |text: &str| {
            if text.is_empty() {
                "-".to_owned()
            } else {
                text.to_owned()
            }
        };
        format!(
            "{} - - [{day:02}/Mar/2026:{hour:02}:{minute:02}:{second:02} +0000] \"{} /v2/{}/blobs/{} HTTP/1.1\" {} {} \"-\" \"{}\" \"{}\" \"{}\"\n",
            self.address(),
            self.method,
            self.repository,
            self.digest(),
            self.status,
            self.sent,
            self.agent,
            or_none(&self.range),
            or_none(&self.content_range),
        )
    }

    /// JSON as nginx writes it, with the time that the answer took.
    pub(crate) fn json(&self) -> String {
        let (day, hour, minute, second) = self.clock();
        format!(
            "{{\"time\":\"2026-03-{day:02}T{hour:02}:{minute:02}:{second:02}Z\",\"remote_addr\":\"{}\",\"request\":\"{} /v2/{}/blobs/{} HTTP/1.1\",\"status\":{},\"body_bytes_sent\":{},\"http_user_agent\":\"{}\",\"http_range\":\"{}\",\"sent_http_content_range\":\"{}\",\"request_time\":{}.{:03}}}\n",
            self.address(),
            self.method,
            self.repository,
            self.digest(),
            self.status,
            self.sent,
            self.agent,
            self.range,
            self.content_range,
            self.ms / 1000,
            self.ms % 1000,
        )
    }
}
