//! The bytes of routes, of rules without their expressions, and of modes.

use crate::document::{Disclose, Redirects, Route, Volume, VolumeKey};
use crate::edge_cache::EdgeCache;
use crate::keep_addresses::KeepAddresses;
use crate::policy::{PolicyRule, Setting};
use blobwatch_pull::{Action, Mode};
use blobwatch_wire::{DecodeError, Reader, put_all, put_long_text, put_one, put_option, put_varint};

type DecodeResult<T> = Result<T, DecodeError>;

const REDIRECTS: [Redirects; 2] = [Redirects::Pass, Redirects::Follow];
const DISCLOSE: [Disclose; 3] = [Disclose::Never, Disclose::Operators, Disclose::Always];
/// The last is of a later build than this form, as with volumes.
const ACTIONS: [Action; 6] = [
    Action::None,
    Action::Tag,
    Action::Detour,
    Action::Throttle,
    Action::Block,
    Action::Allow,
];
const MODES: [Mode; 3] = [Mode::Off, Mode::Monitor, Mode::Enforce];
/// The last is of a later build than this form: an isolate that does not know it goes on with the rulebook that it has.
const VOLUME_KEYS: [VolumeKey; 5] = [
    VolumeKey::Fingerprint,
    VolumeKey::Asn,
    VolumeKey::Client,
    VolumeKey::Route,
    VolumeKey::Network,
];

const ADDRESSES: [KeepAddresses; 3] = [KeepAddresses::None, KeepAddresses::Network, KeepAddresses::Full];

pub(super) fn put_addresses(out: &mut Vec<u8>, keep: KeepAddresses) {
    put_one(out, &ADDRESSES, &keep);
}

pub(super) fn read_addresses(reader: &mut Reader<'_>) -> DecodeResult<KeepAddresses> {
    reader.one(&ADDRESSES, "addresses")
}

const CACHES: [EdgeCache; 3] = [EdgeCache::Off, EdgeCache::Origin, EdgeCache::Immutable];

pub(super) fn put_cache(out: &mut Vec<u8>, route: &Route) {
    put_one(out, &CACHES, &route.cache);
}

pub(super) fn read_cache(reader: &mut Reader<'_>) -> DecodeResult<EdgeCache> {
    reader.one(&CACHES, "cache")
}

fn put_float(out: &mut Vec<u8>, number: f64) {
    out.extend(number.to_bits().to_le_bytes());
}

fn read_float(reader: &mut Reader<'_>) -> DecodeResult<f64> {
    reader.word().map(f64::from_bits)
}

fn read_text(reader: &mut Reader<'_>) -> DecodeResult<String> {
    reader.long_text().map(str::to_owned)
}

pub(super) fn put_route(out: &mut Vec<u8>, route: &Route) {
    put_long_text(out, &route.name);
    put_option(out, route.host.as_deref(), put_long_text);
    put_long_text(out, &route.repository);
    put_option(out, route.origin.as_deref(), put_long_text);
    put_option(out, route.detour.as_deref(), put_long_text);
    put_one(out, &REDIRECTS, &route.redirects);
    put_float(out, route.observe);
    put_one(out, &DISCLOSE, &route.disclose);
}

pub(super) fn put_blobs(out: &mut Vec<u8>, route: &Route) {
    put_option(out, route.blobs.as_ref(), |out, names| {
        put_all(out, names.iter(), |out, name| put_long_text(out, name));
    });
}

pub(super) fn read_blobs(reader: &mut Reader<'_>) -> DecodeResult<Option<Vec<String>>> {
    reader.option(|reader| reader.all(read_text))
}

pub(super) fn read_route(reader: &mut Reader<'_>) -> DecodeResult<Route> {
    Ok(Route {
        name: read_text(reader)?,
        host: reader.option(read_text)?,
        repository: read_text(reader)?,
        blobs: None,
        origin: reader.option(read_text)?,
        detour: reader.option(read_text)?,
        redirects: reader.one(&REDIRECTS, "redirects")?,
        observe: read_float(reader)?,
        disclose: reader.one(&DISCLOSE, "disclose")?,
        cache: EdgeCache::default(),
        // Only the Detector and FireLogs go by these.
        anomaly_breadth: None,
        keep: None,
    })
}

pub(super) fn put_rule(out: &mut Vec<u8>, rule: &PolicyRule) {
    put_long_text(out, &rule.id);
    put_varint(out, u64::from(rule.version));
    put_one(out, &ACTIONS, &rule.action);
    put_one(out, &MODES, &rule.default_mode);
    put_option(out, rule.volume.as_ref(), |out, volume| {
        put_one(out, &VOLUME_KEYS, &volume.by);
        put_varint(out, u64::from(volume.requests));
        put_varint(out, u64::from(volume.seconds));
    });
}

pub(super) fn read_rule(reader: &mut Reader<'_>) -> DecodeResult<PolicyRule> {
    Ok(PolicyRule {
        id: reader.long_text()?.into(),
        version: reader.narrow("version")?,
        action: reader.one(&ACTIONS, "action")?,
        default_mode: reader.one(&MODES, "mode")?,
        volume: reader.option(|reader| {
            Ok(Volume {
                by: reader.one(&VOLUME_KEYS, "volume")?,
                requests: reader.narrow("requests")?,
                seconds: reader.narrow("seconds")?,
            })
        })?,
    })
}

pub(super) fn put_setting(out: &mut Vec<u8>, setting: &Setting) {
    put_one(out, &MODES, &setting.mode);
    put_option(out, setting.percent, put_float);
    put_option(out, setting.expires_ms, put_varint);
}

pub(super) fn read_setting(reader: &mut Reader<'_>) -> DecodeResult<Setting> {
    Ok(Setting {
        mode: reader.one(&MODES, "mode")?,
        percent: reader.option(read_float)?,
        expires_ms: reader.option(Reader::varint)?,
    })
}
