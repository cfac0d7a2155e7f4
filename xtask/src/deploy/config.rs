//! wrangler.toml, as far as a mistake in it would show only after the upload.

use crate::workspace::Workspace;
use anyhow::{Context, Result, bail, ensure};
use blobwatch_host::Origin;
use serde_json::Value;
use std::fs;

/// The Durable Objects that the worker asks for: binding and class.
const OBJECTS: [(&str, &str); 4] = [
    ("RULE_BOOK", "RuleBook"),
    ("FIRE_LOG", "FireLog"),
    ("DETECTOR", "Detector"),
    ("PREVIEWS", "Previews"),
];

pub(super) struct Config(Value);

pub(super) fn read(workspace: &Workspace) -> Result<Config> {
    let text = fs::read_to_string(workspace.path("wrangler.toml")).context("failed to read wrangler.toml")?;
    Config::parse(&text)
}

impl Config {
    /// # Errors
    /// The first thing that is wrong, and what it should be.
    fn parse(text: &str) -> Result<Self> {
        let config = Self(basic_toml::from_str(text).context("failed to parse wrangler.toml")?);
        ensure!(
            config.var("PLATFORM") == Some("cloudflare"),
            "PLATFORM in wrangler.toml must be \"cloudflare\": with another value the worker cannot \
             identify its clients"
        );
        for (binding, class) in OBJECTS {
            config.check_object(binding, class)?;
        }
        config.check_assets()?;
        config.check_logs()?;
        Ok(config)
    }

    /// The registry behind: the argument, or the variable. Without one only a dry run goes on.
    pub(super) fn origin(&self, argument: Option<&Origin>, dry_run: bool) -> Result<Option<Origin>> {
        if let Some(origin) = argument {
            return Ok(Some(origin.clone()));
        }
        match self.var("ORIGIN") {
            Some(text) if !text.is_empty() => match text.parse() {
                Ok(origin) => Ok(Some(origin)),
                Err(reason) => bail!("ORIGIN in wrangler.toml is {text:?}: {reason}"),
            },
            _ if dry_run => Ok(None),
            _ => bail!("no origin is set: set ORIGIN in wrangler.toml, or pass --origin"),
        }
    }

    fn var(&self, name: &str) -> Option<&str> {
        self.0.get("vars")?.get(name)?.as_str()
    }

    fn check_object(&self, binding: &str, class: &str) -> Result<()> {
        let bindings = self
            .0
            .get("durable_objects")
            .and_then(|objects| objects.get("bindings"));
        let bound = entries(bindings)
            .any(|entry| text(entry, "name") == Some(binding) && text(entry, "class_name") == Some(class));
        ensure!(
            bound,
            "wrangler.toml has no Durable Object binding {binding} of the class {class}"
        );
        let classes =
            entries(self.0.get("migrations")).flat_map(|entry| entries(entry.get("new_sqlite_classes")));
        ensure!(
            classes.into_iter().any(|known| known.as_str() == Some(class)),
            "no migration in wrangler.toml has {class} among its new_sqlite_classes"
        );
        Ok(())
    }
}

impl Config {
    /// Asked after the platform's own answer, the worker could not set the headers that keep the pages safe.
    fn check_assets(&self) -> Result<()> {
        let setting = |key: &str| self.0.get("assets").and_then(|assets| assets.get(key));
        ensure!(
            setting("binding").and_then(Value::as_str) == Some("ASSETS")
                && setting("directory").and_then(Value::as_str) == Some("build/dashboard"),
            "wrangler.toml has no [assets] with the directory build/dashboard and the binding ASSETS: the dashboard is served from there"
        );
        ensure!(
            setting("run_worker_first").and_then(Value::as_bool) == Some(true)
                && setting("html_handling").and_then(Value::as_str) == Some("none"),
            "[assets] in wrangler.toml must have run_worker_first = true and html_handling = \"none\": \
             the worker serves its pages itself"
        );
        Ok(())
    }
}

impl Config {
    /// Where it is not said, the platform stores a log of every invocation, and bills each: more than all of Blobwatch costs.
    fn check_logs(&self) -> Result<()> {
        let logs = self.0.pointer("/observability/logs/invocation_logs");
        let are_kept = self.0.pointer("/observability/enabled").and_then(Value::as_bool) == Some(true)
            || self
                .0
                .pointer("/observability/logs/enabled")
                .and_then(Value::as_bool)
                == Some(true);
        ensure!(
            !are_kept || logs.and_then(Value::as_bool) == Some(false),
            "[observability.logs] in wrangler.toml must have invocation_logs = false: one stored log for each pull costs \
             several times what Blobwatch does (docs/cost.md, \"Logs of the worker\")"
        );
        Ok(())
    }
}

fn entries(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(entry: &'a Value, key: &str) -> Option<&'a str> {
    entry.get(key)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::Config;

    const SHIPPED: &str = include_str!("../../../wrangler.toml");

    #[track_caller]
    fn runs_alike(sample: &str) {
        let config = Config::parse(SHIPPED).unwrap();
        let date = config.0["compatibility_date"].as_str().unwrap();
        assert!(sample.contains(&format!("compatibilityDate = \"{date}\"")));
        for flag in config.0["compatibility_flags"].as_array().unwrap() {
            assert!(sample.contains(&flag.to_string()), "{flag}");
        }
        for (binding, class) in super::OBJECTS {
            assert!(sample.contains(&format!(
                "(name = \"{binding}\", durableObjectNamespace = \"{class}\")"
            )));
            assert!(sample.contains(&format!("(className = \"{class}\", ")));
        }
    }

    /// The self-hosting sample and the development server are the same worker: what wrangler.toml says of it holds there.
    #[test]
    fn all_platforms_run_the_worker_alike() {
        runs_alike(include_str!("../../../config/workerd.capnp"));
        runs_alike(include_str!("../../../config/dev.capnp"));
    }

    #[track_caller]
    fn refused(from: &str, to: &str, expected: &str) {
        assert!(SHIPPED.contains(from), "{from}");
        let error = Config::parse(&SHIPPED.replace(from, to))
            .err()
            .map(|error| error.to_string());
        assert!(
            error.as_deref().is_some_and(|error| error.contains(expected)),
            "{error:?}"
        );
    }

    #[test]
    fn the_shipped_file_is_sane() {
        assert!(Config::parse(SHIPPED).is_ok());
    }

    #[test]
    fn what_would_break_after_the_upload_is_refused_before_it() {
        refused("PLATFORM = \"cloudflare\"", "PLATFORM = \"workerd\"", "PLATFORM");
        refused("name = \"FIRE_LOG\"", "name = \"LOG\"", "FIRE_LOG");
        refused("class_name = \"RuleBook\"", "class_name = \"Rules\"", "RULE_BOOK");
        refused("binding = \"ASSETS\"", "binding = \"FILES\"", "binding ASSETS");
        refused(
            "run_worker_first = true",
            "run_worker_first = false",
            "run_worker_first",
        );
        refused(
            "invocation_logs = false",
            "invocation_logs = true",
            "invocation_logs",
        );
        refused("invocation_logs = false", "persist = true", "invocation_logs");
        refused("[\"RuleBook\", \"FireLog\"]", "[\"RuleBook\"]", "FireLog");
        refused("[\"Detector\"]", "[]", "Detector");
    }

    #[track_caller]
    fn origin(value: &str, argument: Option<&str>, dry_run: bool, expected: Result<Option<&str>, &str>) {
        let config =
            Config::parse(&SHIPPED.replace("ORIGIN = \"\"", &format!("ORIGIN = \"{value}\""))).unwrap();
        let argument = argument.map(|text| text.parse().unwrap());
        let found = config.origin(argument.as_ref(), dry_run);
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found.map(|o| o.to_string()).as_deref(), expected),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (found, expected) => panic!("{found:?} is not {expected:?}"),
        }
    }

    #[test]
    fn only_a_dry_run_goes_on_without_an_origin() {
        origin("", None, false, Err("--origin"));
        origin("", None, true, Ok(None));
        origin("https://a.example", None, false, Ok(Some("https://a.example")));
        origin(
            "https://a.example",
            Some("https://b.example"),
            false,
            Ok(Some("https://b.example")),
        );
        origin(
            "a.example",
            None,
            true,
            Err("ORIGIN in wrangler.toml is \"a.example\""),
        );
    }
}
