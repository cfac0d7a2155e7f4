//! The calls by which an operator shares the report of an anomaly with people who have no account.

use serde::{Deserialize, Serialize};

use super::SharedDetector;
use super::acts::{body, id_of, reason_of, until_of};
use super::report::for_partner;
use super::{ReportFacts, report_facts};
use crate::anomaly::name;
use crate::store::{Detector, MAX_SHARED_MS, SHARED_MS, Share, ShareRequest};
use blobwatch_sql::{Pace, Sql, StoreError};
use blobwatch_wire::{ApiReply, ApiRequest, List, Parameters, Problem, hex, rfc3339};
use sha2::{Digest, Sha256};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct ShareBody {
    /// RFC 3339, or from now (`+2h`); a week unless given.
    until: Option<String>,
}

/// A link as the API shows it: its token is known to whoever made it, and to nobody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShareItem {
    pub id: String,
    pub anomaly: String,
    /// RFC 3339.
    pub created: String,
    pub expires: String,
    pub actor: String,
}

/// The link, for whoever makes it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NewShareItem {
    #[serde(flatten)]
    pub item: ShareItem,
    /// With the token, which is said here and nowhere else.
    pub path: String,
}

impl From<&Share> for ShareItem {
    fn from(share: &Share) -> Self {
        Self {
            id: share.name(),
            anomaly: name(share.anomaly),
            created: rfc3339(share.created_ms),
            expires: rfc3339(share.expires_ms),
            actor: share.actor.clone(),
        }
    }
}

/// Hex digits of a token: 256 bits.
const TOKEN_DIGITS: usize = 64;

/// What is kept of a token; `None` for what is none.
#[must_use]
pub fn link_hash(token: &str) -> Option<String> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let is_token = token.len() == TOKEN_DIGITS && token.bytes().all(is_digit);
    is_token.then(|| hex(&Sha256::digest(token)))
}

/// A call that makes a link, with the hash of the token that was made for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewShare {
    /// As in the path.
    pub anomaly: String,
    pub query: String,
    pub body: String,
    pub actor: String,
    pub hash: String,
}

/// Makes a link.
///
/// # Errors
/// When SQLite refuses. What is refused of the call is inside.
pub fn share<S: Sql>(
    store: &Detector<S>,
    call: &NewShare,
    now_ms: u64,
) -> Result<Result<ShareItem, Problem>, StoreError> {
    match read(call, now_ms) {
        Ok(request) => Ok(store
            .share(&request, now_ms)?
            .map(|share| ShareItem::from(&share))),
        Err(problem) => Ok(Err(problem)),
    }
}

fn read(call: &NewShare, now_ms: u64) -> Result<ShareRequest, Problem> {
    let ShareBody { until } = body(&call.body)?;
    let expires_ms = until.map(|until| until_of(&until, now_ms, MAX_SHARED_MS));
    Ok(ShareRequest {
        anomaly: id_of(&call.anomaly)?,
        hash: call.hash.clone(),
        expires_ms: expires_ms.transpose()?.unwrap_or(now_ms + SHARED_MS),
        actor: call.actor.clone(),
        reason: reason_of(&call.query)?,
    })
}

/// Revokes a link; `None` for another call.
pub(super) fn revoke<S: Sql>(
    store: &Detector<S>,
    call: &ApiRequest<'_>,
) -> Option<Result<Result<ApiReply, Problem>, StoreError>> {
    let path: Vec<&str> = call.path.split('/').collect();
    let ("DELETE", ["anomalies", id, "shares", share]) = (call.method, path.as_slice()) else {
        return None;
    };
    let (reason, anomaly) = match (reason_of(call.query), id_of(id)) {
        (Ok(reason), Ok(anomaly)) => (reason, anomaly),
        (Err(problem), _) | (_, Err(problem)) => return Some(Ok(Err(problem))),
    };
    let revoked = store.revoke_share(anomaly, share, (call.actor, reason), call.now_ms);
    Some(revoked.map(|revoked| revoked.and_then(|share| ApiReply::json(200, &ShareItem::from(&share)))))
}

/// The links to an anomaly that open it.
pub(super) fn list<S: Sql>(
    store: &Detector<S>,
    id: &str,
    query: &str,
    now_ms: u64,
) -> Result<List<ShareItem>, Problem> {
    Parameters::parse(query, &[])?;
    let anomaly = super::anomalies::anomaly(store, id, "")?;
    let shares = store.shares(anomaly.id, now_ms)?;
    Ok(List {
        items: shares.iter().map(ShareItem::from).collect(),
        next_cursor: None,
    })
}

/// What a link opens.
#[derive(Debug, Serialize, Deserialize)]
pub struct SharedReport {
    pub facts: ReportFacts,
    pub expires_ms: u64,
}

/// What the link opens whose token has this hash, without what is nobody else's business.
///
/// # Errors
/// 404 where it opens nothing; when the counts cannot be read.
pub async fn shared_report<S: Sql>(
    shared: &impl SharedDetector<S>,
    hash: &str,
    now_ms: u64,
    pace: &impl Pace,
) -> Result<SharedReport, Problem> {
    let share = shared.read(|store| Ok(store.share_of(hash, now_ms)?))?;
    let share = share.ok_or_else(|| Problem::not_found("link of this token"))?;
    let facts = report_facts(shared, &name(share.anomaly), now_ms, pace).await?;
    Ok(SharedReport {
        facts: for_partner(facts),
        expires_ms: share.expires_ms,
    })
}
