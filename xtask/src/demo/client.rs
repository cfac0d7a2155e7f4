//! One pull of one blob, with the habits of its client when the body breaks off: how each comes back is what tells them
//! apart, and what a surge is made of.

use super::cast::Host;
use super::story::FACTOR;
use anyhow::{Context, Result};
use reqwest::header::{ACCEPT_ENCODING, RANGE, USER_AGENT};
use reqwest::{Client, StatusCode};
use std::time::Duration;
use tokio::time::sleep;

/// With `config/dev.capnp` this header is the whole of `request.cf`; in production nothing reads it.
pub(super) const CF: &str = "cf-blob";

/// What a client does after a broken body; seconds are of real clients.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Habit {
    /// Resumes after 5, 10, 15, 20 and 25 s, then fails.
    Docker,
    /// Resumes at once, three times without progress; after an error kubelet begins again in 10 s.
    Containerd,
    /// Podman, skopeo, CRI-O: resumes after a second; any other answer than 206 is final.
    ContainersImage,
    /// Resumes after 1, 2 and 4 s, then fails.
    BuildKit,
}

/// How a pull came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    Done,
    /// Done, after the body broke off at least once.
    DoneLate,
    Failed,
    Refused,
}

/// What a client does next.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Next {
    Resume(Duration),
    Restart(Duration),
    GiveUp,
}

impl Habit {
    /// After the `tries`-th broken body, from 1.
    fn after_break(self, tries: u32) -> Next {
        match self {
            Self::Docker if tries <= 5 => Next::Resume(seconds(5 * tries)),
            Self::Containerd if tries <= 3 => Next::Resume(Duration::ZERO),
            Self::Containerd if tries <= 6 => Next::Restart(seconds(10)),
            Self::ContainersImage if tries <= 4 => Next::Resume(seconds(1)),
            Self::BuildKit if tries <= 3 => Next::Resume(seconds(1 << (tries - 1))),
            _ => Next::GiveUp,
        }
    }

    /// After a ranged request was answered neither 206 nor 200.
    fn after_refusal(self, tries: u32) -> Next {
        match self {
            Self::Containerd if tries <= 6 => Next::Restart(seconds(10)),
            _ => Next::GiveUp,
        }
    }
}

fn seconds(of_then: u32) -> Duration {
    Duration::from_secs(of_then.into()) / FACTOR
}

/// What is pulled, and through what.
pub(super) struct Pull<'a> {
    pub(super) http: &'a Client,
    pub(super) url: &'a str,
    pub(super) size: u64,
}

impl Pull<'_> {
    /// Until the blob is whole or the client gives up.
    pub(super) async fn run(&self, host: &Host) -> Outcome {
        let (mut offset, mut tries) = (0, 0);
        loop {
            let next = match self.once(host, offset).await {
                Ok(Answer::Refused) => return Outcome::Refused,
                Ok(Answer::Unwanted) => {
                    tries += 1;
                    host.habit.after_refusal(tries)
                }
                Ok(Answer::Body { from, received }) if from + received >= self.size => {
                    return if tries == 0 {
                        Outcome::Done
                    } else {
                        Outcome::DoneLate
                    };
                }
                Ok(Answer::Body { from, received }) => {
                    tries += 1;
                    offset = from + received;
                    host.habit.after_break(tries)
                }
                Err(_) => {
                    tries += 1;
                    host.habit.after_break(tries)
                }
            };
            match next {
                Next::Resume(pause) => sleep(pause).await,
                Next::Restart(pause) => {
                    offset = 0;
                    sleep(pause).await;
                }
                Next::GiveUp => return Outcome::Failed,
            }
        }
    }

    async fn once(&self, host: &Host, offset: u64) -> Result<Answer> {
        let mut request = self
            .http
            .get(self.url)
            .header(CF, host.cf.to_string())
            .header(USER_AGENT, host.user_agent);
        // Go's transport adds it where there is no Range.
        request = if offset > 0 {
            request.header(RANGE, format!("bytes={offset}-"))
        } else {
            request.header(ACCEPT_ENCODING, "gzip")
        };
        let mut answer = request.send().await.context("failed to ask for the blob")?;
        let from = match answer.status() {
            StatusCode::OK => 0,
            StatusCode::PARTIAL_CONTENT => offset,
            StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => return Ok(Answer::Refused),
            _ => return Ok(Answer::Unwanted),
        };
        let mut received = 0;
        while let Ok(Some(bytes)) = answer.chunk().await {
            received += bytes.len() as u64;
        }
        Ok(Answer::Body { from, received })
    }
}

/// What came of one request.
enum Answer {
    /// Bytes from an offset on, maybe not all that were promised.
    Body {
        from: u64,
        received: u64,
    },
    /// A rule's refusal.
    Refused,
    Unwanted,
}

#[cfg(test)]
mod tests {
    use super::{Habit, Next, seconds};

    #[test]
    fn docker_waits_longer_each_time_and_fails_after_five() {
        for tries in 1..=5 {
            assert_eq!(Habit::Docker.after_break(tries), Next::Resume(seconds(5 * tries)));
        }
        assert_eq!(Habit::Docker.after_break(6), Next::GiveUp);
    }

    #[test]
    fn a_refused_range_ends_podman_and_not_containerd() {
        assert_eq!(Habit::ContainersImage.after_refusal(1), Next::GiveUp);
        assert_eq!(Habit::Containerd.after_refusal(1), Next::Restart(seconds(10)));
    }
}
