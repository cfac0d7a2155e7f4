//! The files that clouds publish, told apart by what is in them.

use anyhow::{Context, Result, bail};
use blobwatch_clouds::CloudPrefix;
use serde_json::Value;
use std::net::IpAddr;

/// What one file, or several, say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PublishedPrefixes {
    /// As 2026-11-29; empty where no file says one.
    pub(super) date: String,
    pub(super) prefixes: Vec<CloudPrefix>,
    /// IPv6 prefixes of more than 64 bits: a client counts by its /64.
    pub(super) too_long: usize,
}

impl PublishedPrefixes {
    /// # Errors
    /// When the text is of no known form, or an entry of it cannot be read.
    pub(super) fn read(text: &str) -> Result<Self> {
        if !text.trim_start().starts_with('{') {
            return csv(text);
        }
        let file: Value = serde_json::from_str(text).context("expected JSON")?;
        if let Some(values) = file.get("values").and_then(Value::as_array) {
            return azure(values);
        }
        if file.get("syncToken").is_some() && file.get("createDate").is_some() {
            return aws(&file);
        }
        if file.get("prefixes").is_some() {
            return google(&file);
        }
        let fields: Vec<&str> = file
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect();
        bail!(
            "expected ip-ranges.json of AWS, cloud.json of Google or ServiceTags_Public of Azure; found JSON with the fields {}",
            fields.join(", ")
        )
    }

    pub(super) fn add(&mut self, other: Self) {
        self.date = std::mem::take(&mut self.date).max(other.date);
        self.prefixes.extend(other.prefixes);
        self.too_long += other.too_long;
    }

    pub(super) fn described(&self) -> String {
        let date = if self.date.is_empty() {
            "no date"
        } else {
            &self.date
        };
        let count = self.prefixes.len();
        match self.too_long {
            0 => format!("{count} prefixes, {date}"),
            left_out => format!("{count} prefixes, {date}; left out {left_out} longer than /64"),
        }
    }

    fn push(&mut self, prefix: &str, cloud: &str, region: &str) -> Result<()> {
        let expected = || format!("{prefix}: expected an address and a length, as 192.0.2.0/24");
        let (address, length) = prefix.split_once('/').with_context(expected)?;
        let address: IpAddr = address.parse().with_context(expected)?;
        let length: u8 = length.parse().with_context(expected)?;
        if address.is_ipv6() && length > 64 {
            self.too_long += 1;
            return Ok(());
        }
        self.prefixes.push(CloudPrefix {
            address,
            length,
            cloud: cloud.to_lowercase(),
            region: region.to_lowercase(),
        });
        Ok(())
    }
}

fn text<'a>(entry: &'a Value, name: &str) -> &'a str {
    entry.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(entry: &'a Value, name: &str) -> &'a [Value] {
    entry
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The day of `2026-11-29-18-03-10` or `2026-11-29T18:03:10.1`.
fn day(time: &str) -> String {
    time.get(..10).unwrap_or_default().to_owned()
}

fn aws(file: &Value) -> Result<PublishedPrefixes> {
    let mut published = PublishedPrefixes {
        date: day(text(file, "createDate")),
        ..PublishedPrefixes::default()
    };
    for (list_name, prefix) in [("prefixes", "ip_prefix"), ("ipv6_prefixes", "ipv6_prefix")] {
        for (place, entry) in list(file, list_name).iter().enumerate() {
            published
                .push(text(entry, prefix), "aws", text(entry, "region"))
                .with_context(|| format!("{list_name}[{place}].{prefix}"))?;
        }
    }
    Ok(published)
}

/// `cloud.json` has a region in `scope`; `goog.json`, all that Google owns, has none.
fn google(file: &Value) -> Result<PublishedPrefixes> {
    let mut published = PublishedPrefixes {
        date: day(text(file, "creationTime")),
        ..PublishedPrefixes::default()
    };
    for (place, entry) in list(file, "prefixes").iter().enumerate() {
        let prefix = ["ipv4Prefix", "ipv6Prefix"]
            .map(|name| text(entry, name))
            .concat();
        published
            .push(&prefix, "google", text(entry, "scope"))
            .with_context(|| format!("prefixes[{place}]: expected ipv4Prefix or ipv6Prefix"))?;
    }
    Ok(published)
}

/// `AzureCloud` has every prefix, and `AzureCloud.<region>` those of a region; the other tags are parts of these by service.
fn azure(values: &[Value]) -> Result<PublishedPrefixes> {
    let mut published = PublishedPrefixes::default();
    for value in values {
        let name = text(value, "name");
        let is_cloud = name == "AzureCloud" || name.starts_with("AzureCloud.");
        let Some(properties) = value.get("properties").filter(|_| is_cloud) else {
            continue;
        };
        for prefix in list(properties, "addressPrefixes") {
            published
                .push(
                    prefix.as_str().unwrap_or_default(),
                    "azure",
                    text(properties, "region"),
                )
                .with_context(|| format!("{name}.addressPrefixes"))?;
        }
    }
    Ok(published)
}

/// `prefix,cloud,region`, for networks of one's own that are to be told apart.
fn csv(text: &str) -> Result<PublishedPrefixes> {
    let mut published = PublishedPrefixes::default();
    let lines = (1..).zip(text.lines());
    for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with(['#', 'p'])) {
        let parts: Vec<&str> = line.split(',').map(str::trim).collect();
        let [prefix, cloud, region] = *parts.as_slice() else {
            bail!("line {number}: expected prefix,cloud,region");
        };
        published
            .push(prefix, cloud, region)
            .with_context(|| format!("line {number}"))?;
    }
    Ok(published)
}

#[cfg(test)]
mod tests {
    use super::PublishedPrefixes;
    use blobwatch_clouds::CloudTable;

    #[track_caller]
    fn case(text: &str, date: &str, address: &str, expected: Option<(&str, &str)>) {
        let published = PublishedPrefixes::read(text).unwrap();
        assert_eq!(published.date, date);
        let table = CloudTable::build(&published.date, &published.prefixes).unwrap();
        let found = table.look_up(address.parse().unwrap());
        assert_eq!(
            found.map(|cloud| (cloud.cloud, cloud.region)),
            expected,
            "{address}"
        );
    }

    #[test]
    fn aws_names_the_region_of_both_kinds_of_address() {
        let file = r#"{"syncToken": "1", "createDate": "2026-11-20-18-03-10", "prefixes": [
            {"ip_prefix": "192.0.2.0/24", "region": "us-east-1", "service": "AMAZON", "network_border_group": "us-east-1"},
            {"ip_prefix": "192.0.2.0/24", "region": "us-east-1", "service": "EC2"},
            {"ip_prefix": "198.51.100.0/24", "region": "GLOBAL", "service": "CLOUDFRONT"}],
            "ipv6_prefixes": [{"ipv6_prefix": "2001:db8::/36", "region": "eu-west-1", "service": "AMAZON"}]}"#;
        case(file, "2026-11-20", "192.0.2.9", Some(("aws", "us-east-1")));
        case(file, "2026-11-20", "198.51.100.9", Some(("aws", "global")));
        case(file, "2026-11-20", "2001:db8::9", Some(("aws", "eu-west-1")));
        case(file, "2026-11-20", "203.0.113.9", None);
    }

    #[test]
    fn google_names_a_scope_where_it_has_one() {
        let file = r#"{"syncToken": "1", "creationTime": "2026-11-21T10:00:00.1", "prefixes": [
            {"ipv4Prefix": "192.0.2.0/24", "service": "Google Cloud", "scope": "europe-west4"},
            {"ipv6Prefix": "2001:db8::/44", "service": "Google Cloud", "scope": "us-east4"}, {"ipv4Prefix": "198.51.100.0/24"}]}"#;
        case(file, "2026-11-21", "192.0.2.9", Some(("google", "europe-west4")));
        case(file, "2026-11-21", "2001:db8::9", Some(("google", "us-east4")));
        case(file, "2026-11-21", "198.51.100.9", Some(("google", "")));
    }

    #[test]
    fn azures_region_counts_more_than_the_sum_of_all() {
        let file = r#"{"changeNumber": 1, "cloud": "Public", "values": [
            {"name": "ActionGroup", "properties": {"region": "", "addressPrefixes": ["203.0.113.0/24"]}},
            {"name": "AzureCloud.westeurope", "properties": {"region": "westeurope", "addressPrefixes": ["192.0.2.0/24", "2001:db8::/47"]}},
            {"name": "AzureCloud", "properties": {"region": "", "addressPrefixes": ["192.0.2.0/24", "198.51.100.0/24"]}}]}"#;
        case(file, "", "192.0.2.9", Some(("azure", "westeurope")));
        case(file, "", "198.51.100.9", Some(("azure", "")));
        case(file, "", "203.0.113.9", None);
    }

    #[test]
    fn a_table_of_ones_own_is_lines() {
        let file = "prefix,cloud,region\n# the office\n192.0.2.0/24, Office, Berlin\n\n2001:db8::1/128,office,berlin\n";
        case(file, "", "192.0.2.9", Some(("office", "berlin")));
        assert_eq!(PublishedPrefixes::read(file).unwrap().too_long, 1);
    }

    #[test]
    fn what_is_not_read_says_where() {
        let places = [
            (
                r#"{"syncToken": "1", "createDate": "x", "prefixes": [{"ip_prefix": "192.0.2.0"}]}"#,
                "prefixes[0].ip_prefix",
            ),
            (r#"{"prefixes": [{"ipv5": "x"}]}"#, "prefixes[0]"),
            (r#"{"hosts": []}"#, "hosts"),
            ("{", "expected JSON"),
            ("192.0.2.0/24,aws", "line 1"),
            ("192.0.2.x/24,aws,a", "line 1"),
            ("192.0.2.0/99999,aws,a", "line 1"),
        ];
        for (text, says) in places {
            let error = format!("{:#}", PublishedPrefixes::read(text).unwrap_err());
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
