//! Which records are asked for. Each part is asked of the smallest thing that knows: the segment's header, then the
//! dictionary entry, and only then the record.

use blobwatch_pull::{
    Action, Cache, ClientKey, Family, Fired, Mode, Origin, RangeKind, Record, RecordId, SizeClass,
};
use blobwatch_records::{
    Agent, Blob, Client, Digest, Field, Header, Place, RayKey, Treatment, asn_text, digest_key, rule_mode,
};

/// Which call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    #[default]
    Requests,
    /// Only records that a rule fired on.
    Fires,
}

impl Kind {
    /// As in the API's paths, and in [`crate::KIND`].
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Fires => "fires",
        }
    }

    /// [`Kind::Fires`] unless all requests are named.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        if name == Self::Requests.name() {
            Self::Requests
        } else {
            Self::Fires
        }
    }
}

/// One value of `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusFilter {
    Exactly(u16),
    /// The first digit.
    Class(u16),
}

/// All parts must hold; within a part any of its values; an empty part holds always. Empty text stands for "absent".
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    pub kind: Kind,
    /// Inclusive.
    pub since_ms: Option<u64>,
    /// Exclusive.
    pub until_ms: Option<u64>,
    pub routes: Vec<String>,
    /// A rule and a mode together mean: this rule fired in this mode.
    pub rules: Vec<String>,
    pub modes: Vec<Mode>,
    /// Whose rule fired, together with the two before.
    pub origins: Vec<Origin>,
    pub verdicts: Vec<Action>,
    pub families: Vec<Family>,
    pub os: Vec<String>,
    pub asns: Vec<Option<u32>>,
    pub countries: Vec<String>,
    pub colos: Vec<String>,
    pub fingerprints: Vec<String>,
    pub versions: Vec<String>,
    pub protocols: Vec<String>,
    pub tcps: Vec<String>,
    pub clouds: Vec<String>,
    pub cloud_regions: Vec<String>,
    pub ip_versions: Vec<Option<u8>>,
    pub sizes: Vec<Option<SizeClass>>,
    pub statuses: Vec<StatusFilter>,
    pub ranges: Vec<RangeKind>,
    pub digests: Vec<Digest>,
    pub repositories: Vec<String>,
    pub clients: Vec<ClientKey>,
    pub odd_paths: Vec<bool>,
    pub sent_to: Vec<String>,
    pub served_by: Vec<String>,
    pub caches: Vec<Option<Cache>>,
    pub ids: Vec<RecordId>,
    /// Whichever data centre is named beside it.
    pub rays: Vec<RayKey>,
    /// What no match has: filters of one value each.
    pub without: Vec<Filter>,
}

fn any<T>(wanted: &[T], holds: impl FnMut(&T) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(holds)
}

impl StatusFilter {
    fn holds(self, status: u16) -> bool {
        match self {
            Self::Exactly(exact) => status == exact,
            Self::Class(class) => status / 100 == class,
        }
    }
}

impl Filter {
    /// The slow, obvious way: what every faster way is tested against.
    #[must_use]
    pub fn matches(&self, record: &Record) -> bool {
        let fired = |rule: &str, mode: Mode| {
            any(&self.rules, |wanted| wanted == rule)
                && any(&self.modes, |wanted| *wanted == mode)
                && any(&self.origins, |wanted| *wanted == Origin::of(rule))
        };
        let asks_fired = self.asks_fired();
        self.in_time(record.id)
            && any(&self.routes, |route| **route == *record.route)
            && (!asks_fired || record.fired.iter().any(|f| fired(&f.rule, f.mode)))
            && any(&self.verdicts, |verdict| *verdict == record.verdict)
            && any(&self.families, |family| *family == record.family)
            && any(&self.os, |os| *os == record.os)
            && any(&self.asns, |asn| *asn == record.asn)
            && any(&self.countries, |country| *country == record.country)
            && any(&self.colos, |colo| *colo == record.colo)
            && any(&self.fingerprints, |fingerprint| {
                *fingerprint == record.fingerprint
            })
            && any(&self.versions, |version| *version == record.version)
            && any(&self.protocols, |protocol| *protocol == record.protocol)
            && any(&self.tcps, |tcp| *tcp == record.tcp)
            && any(&self.clouds, |cloud| *cloud == record.cloud)
            && any(&self.cloud_regions, |region| *region == record.cloud_region)
            && any(&self.ip_versions, |version| *version == record.ip_version)
            && any(&self.sizes, |class| *class == record.size.map(SizeClass::of))
            && any(&self.statuses, |status| status.holds(record.status))
            && any(&self.ranges, |range| *range == record.range.kind)
            && any(&self.digests, |digest| {
                *digest == Digest::of_record(record.digest.clone(), record.object)
            })
            && any(&self.repositories, |repository| *repository == record.repository)
            && any(&self.clients, |client| *client == record.client)
            && any(&self.odd_paths, |odd| *odd == record.odd_path)
            && any(&self.sent_to, |host| *host == record.sent_to)
            && any(&self.served_by, |host| *host == record.served_by)
            && any(&self.caches, |cache| *cache == record.cache)
            && any(&self.rays, |ray| RayKey::of(&record.ray).as_ref() == Some(ray))
            && !self.without.iter().any(|one| one.matches(record))
    }

    /// Whether one value is excluded, among those that are read where `reads` says.
    fn excludes(&self, reads: fn(&Self) -> bool, holds: impl Fn(&Self) -> bool) -> bool {
        self.without.iter().any(|one| reads(one) && holds(one))
    }

    /// Whether this or what it excludes reads something.
    fn reads_any(&self, own: bool, reads: fn(&Self) -> bool) -> bool {
        own || self.without.iter().any(reads)
    }

    /// Time and id.
    #[must_use]
    pub fn in_time(&self, id: RecordId) -> bool {
        let time = id.time_ms();
        self.since_ms.is_none_or(|since| since <= time)
            && self.until_ms.is_none_or(|until| time < until)
            && any(&self.ids, |wanted| *wanted == id)
    }

    /// Whether a segment may hold a match.
    #[must_use]
    pub fn may_match(&self, header: &Header) -> bool {
        let text =
            |field: Field, wanted: &[String]| any(wanted, |text| header.may_have(field, text.as_bytes()));
        // A header does not say that a value is absent.
        let some = |field: Field, wanted: &[String]| {
            any(wanted, |text| {
                text.is_empty() || header.may_have(field, text.as_bytes())
            })
        };
        (self.kind == Kind::Requests || header.fires > 0)
            && any(&self.ids, |id| header.first <= *id && *id <= header.last)
            && text(Field::Route, &self.routes)
            && text(Field::Os, &self.os)
            && text(Field::Country, &self.countries)
            && text(Field::Colo, &self.colos)
            && text(Field::Fingerprint, &self.fingerprints)
            && text(Field::Repository, &self.repositories)
            && some(Field::SentTo, &self.sent_to)
            && some(Field::ServedBy, &self.served_by)
            && some(Field::Tcp, &self.tcps)
            && some(Field::Cloud, &self.clouds)
            && some(Field::CloudRegion, &self.cloud_regions)
            && any(&self.caches, |cache| {
                cache.is_none_or(|cache| header.may_have(Field::Cache, cache.as_str().as_bytes()))
            })
            && self.may_have_fired(header)
            && any(&self.asns, |asn| {
                header.may_have(Field::Asn, asn_text(*asn).as_bytes())
            })
            && any(&self.verdicts, |verdict| header.has_verdict(*verdict))
            && any(&self.families, |family| header.has_family(*family))
            && any(&self.ranges, |range| header.has_range(*range))
            && any(&self.statuses, |status| status.may_be_in(header))
            && any(&self.digests, |digest| {
                header.may_have(Field::Digest, digest_key(digest))
            })
            && any(&self.clients, |client| {
                header.may_have(Field::Client, &client.0.to_le_bytes())
            })
    }

    fn may_have_fired(&self, header: &Header) -> bool {
        let in_mode =
            |rule: &str, mode: &Mode| header.may_have(Field::RuleMode, rule_mode(rule, *mode).as_bytes());
        any(&self.origins, |origin| may_be_of(header, *origin))
            && any(&self.modes, |mode| header.has_mode(*mode))
            && any(&self.rules, |rule| {
                header.may_have(Field::Rule, rule.as_bytes()) && any(&self.modes, |mode| in_mode(rule, mode))
            })
    }

    /// Whether a rule must have fired.
    fn asks_fired(&self) -> bool {
        self.kind == Kind::Fires
            || !(self.rules.is_empty() && self.modes.is_empty() && self.origins.is_empty())
    }

    pub(super) fn reads_treatments(&self) -> bool {
        let own = self.asks_fired()
            || !(self.routes.is_empty()
                && self.verdicts.is_empty()
                && self.statuses.is_empty()
                && self.ranges.is_empty()
                && self.odd_paths.is_empty()
                && self.sent_to.is_empty()
                && self.served_by.is_empty()
                && self.caches.is_empty());
        self.reads_any(own, Self::reads_treatments)
    }

    /// One rule that fired.
    pub(super) fn fired(&self, fired: &Fired) -> bool {
        any(&self.rules, |rule| **rule == *fired.rule)
            && any(&self.modes, |mode| *mode == fired.mode)
            && any(&self.origins, |origin| *origin == Origin::of(&fired.rule))
    }

    pub(super) fn treatment(&self, treatment: &Treatment) -> bool {
        let asks_fired = self.asks_fired();
        any(&self.routes, |route| **route == *treatment.route)
            && (!asks_fired || treatment.fired.iter().any(|fired| self.fired(fired)))
            && any(&self.verdicts, |verdict| *verdict == treatment.verdict)
            && any(&self.statuses, |status| status.holds(treatment.status))
            && any(&self.ranges, |range| *range == treatment.range)
            && any(&self.odd_paths, |odd| *odd == treatment.odd_path)
            && any(&self.sent_to, |host| *host == treatment.sent_to)
            && any(&self.served_by, |host| *host == treatment.served_by)
            && any(&self.caches, |cache| *cache == treatment.cache)
            && !self.excludes(Self::reads_treatments, |one| one.treatment(treatment))
    }

    pub(super) fn reads_agents(&self) -> bool {
        let own = !(self.families.is_empty()
            && self.os.is_empty()
            && self.fingerprints.is_empty()
            && self.versions.is_empty()
            && self.protocols.is_empty()
            && self.tcps.is_empty());
        self.reads_any(own, Self::reads_agents)
    }

    pub(super) fn agent(&self, agent: &Agent) -> bool {
        any(&self.families, |family| *family == agent.family)
            && any(&self.os, |os| *os == agent.os)
            && any(&self.fingerprints, |fingerprint| {
                *fingerprint == agent.fingerprint
            })
            && any(&self.versions, |version| *version == agent.version)
            && any(&self.protocols, |protocol| *protocol == agent.protocol)
            && any(&self.tcps, |tcp| *tcp == agent.tcp)
            && !self.excludes(Self::reads_agents, |one| one.agent(agent))
    }

    pub(super) fn reads_places(&self) -> bool {
        let own = !(self.asns.is_empty()
            && self.countries.is_empty()
            && self.colos.is_empty()
            && self.clouds.is_empty()
            && self.cloud_regions.is_empty()
            && self.ip_versions.is_empty());
        self.reads_any(own, Self::reads_places)
    }

    pub(super) fn place(&self, place: &Place) -> bool {
        any(&self.asns, |asn| *asn == place.asn)
            && any(&self.countries, |country| *country == place.country)
            && any(&self.colos, |colo| *colo == place.colo)
            && any(&self.clouds, |cloud| *cloud == place.cloud)
            && any(&self.cloud_regions, |region| *region == place.cloud_region)
            && any(&self.ip_versions, |version| *version == place.ip_version)
            && !self.excludes(Self::reads_places, |one| one.place(place))
    }

    pub(super) fn reads_back(&self) -> bool {
        self.reads_blobs() || self.reads_clients() || self.reads_rays()
    }

    pub(super) fn reads_rays(&self) -> bool {
        self.reads_any(!self.rays.is_empty(), Self::reads_rays)
    }

    pub(super) fn ray(&self, ray: Option<&RayKey>) -> bool {
        any(&self.rays, |wanted| ray == Some(wanted)) && !self.excludes(Self::reads_rays, |one| one.ray(ray))
    }

    pub(super) fn reads_clients(&self) -> bool {
        self.reads_any(!self.clients.is_empty(), Self::reads_clients)
    }

    pub(super) fn reads_blobs(&self) -> bool {
        let own = !(self.digests.is_empty() && self.repositories.is_empty() && self.sizes.is_empty());
        self.reads_any(own, Self::reads_blobs)
    }

    pub(super) fn client(&self, client: &Client) -> bool {
        any(&self.clients, |wanted| *wanted == client.client)
            && !self.excludes(Self::reads_clients, |one| one.client(client))
    }

    pub(super) fn blob(&self, blob: &Blob, digests: &[Digest]) -> bool {
        any(&self.repositories, |repository| *repository == blob.repository)
            && any(&self.sizes, |class| *class == blob.size.map(SizeClass::of))
            && any(&self.digests, |wanted| {
                digests.get(blob.digest as usize) == Some(wanted)
            })
            && !self.excludes(Self::reads_blobs, |one| one.blob(blob, digests))
    }
}

/// Whether a rule of that origin may have fired: known where rules are few enough to list.
fn may_be_of(header: &Header, origin: Origin) -> bool {
    let listed = header.listed(Field::Rule);
    listed.is_none_or(|rules| rules.iter().any(|rule| Origin::of(rule) == origin))
}

impl StatusFilter {
    /// A class is looked for among the listed statuses: where they are too many to list, it may be there.
    fn may_be_in(self, header: &Header) -> bool {
        match self {
            Self::Exactly(status) => header.may_have(Field::Status, status.to_string().as_bytes()),
            Self::Class(class) => header.listed(Field::Status).is_none_or(|listed| {
                listed
                    .iter()
                    .any(|status| status.parse::<u16>().is_ok_and(|status| status / 100 == class))
            }),
        }
    }
}
