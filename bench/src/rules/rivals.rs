//! The rivals, ready to run: rules compiled, facts in place.

use anyhow::{Context, Result, anyhow, bail};
use std::sync::{Arc, LazyLock};

use blobwatch_rules::{Field, Type, Value};
use wirefilter::{ExecutionContext, Filter, LhsValue, Scheme};

use super::requests::{FIELDS, Requests};

static SCHEME: LazyLock<Option<Scheme>> = LazyLock::new(|| {
    let fields = FIELDS.iter().map(|field| (field.name().to_owned(), kind(*field)));
    Scheme::try_from_iter(fields).ok()
});

fn kind(field: Field) -> wirefilter::Type {
    match field.kind() {
        Type::Integer => wirefilter::Type::Int,
        Type::Boolean => wirefilter::Type::Bool,
        Type::IpAddress => wirefilter::Type::Ip,
        _ => wirefilter::Type::Bytes,
    }
}

/// Each rule a filter, one after the other: it has no rulebooks.
pub(super) struct Wirefilter {
    filters: Vec<Filter<'static>>,
    contexts: Vec<ExecutionContext<'static>>,
}

impl Wirefilter {
    pub(super) fn new(rules: &[String], requests: &'static Requests) -> Result<Self> {
        let scheme = SCHEME.as_ref().context("a field is there twice")?;
        let filters = rules.iter().map(|rule| match scheme.parse(rule) {
            Ok(filter) => Ok(filter.compile()),
            Err(error) => Err(anyhow!("{error}")),
        });
        let filters = filters.collect::<Result<_, _>>()?;
        let contexts = requests.values().into_iter().map(|values| {
            let mut context = ExecutionContext::new(scheme);
            for field in FIELDS {
                let value = match values.get(field) {
                    Value::Bytes(bytes) => LhsValue::Bytes(bytes),
                    Value::Int(int) => LhsValue::Int(i32::try_from(int)?),
                    Value::Bool(bool) => LhsValue::Bool(bool),
                    Value::Ip(ip) => LhsValue::Ip(ip),
                    Value::Missing => bail!("{} is missing", field.name()),
                };
                context
                    .set_field_value(field.name(), value)
                    .map_err(|error| anyhow!("{error}"))?;
            }
            Ok(context)
        });
        Ok(Self {
            filters,
            contexts: contexts.collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn matched(&self, request: usize) -> Vec<usize> {
        let Some(context) = self.contexts.get(request) else {
            return Vec::new();
        };
        let filters = self.filters.iter().enumerate();
        filters
            .filter(|(_, filter)| filter.execute(context) == Ok(true))
            .map(|(index, _)| index)
            .collect()
    }

    pub(super) fn run(&self, request: usize) -> usize {
        self.contexts.get(request).map_or(0, |context| {
            self.filters
                .iter()
                .filter(|filter| filter.execute(context) == Ok(true))
                .count()
        })
    }
}

/// One rule in the Common Expression Language.
pub(super) struct CelRule {
    program: cel::Program,
    contexts: Vec<cel::Context<'static, 'static>>,
}

impl CelRule {
    pub(super) fn new(rule: &str, requests: &Requests) -> Result<Self> {
        let environment = Arc::new(cel::Env::stdlib());
        let program = environment.compile(rule)?;
        let contexts = requests.values().into_iter().map(|values| {
            let mut context = cel::Context::with_env(environment.clone());
            for (field, name) in [
                (Field::UserAgent, "user_agent"),
                (Field::Path, "path"),
                (Field::Method, "method"),
                (Field::Asn, "asnum"),
            ] {
                match values.get(field) {
                    Value::Bytes(bytes) => {
                        context.add_variable_from_value(name, String::from_utf8_lossy(bytes).into_owned());
                    }
                    Value::Int(int) => context.add_variable_from_value(name, int),
                    other => bail!("{name} is {other:?}"),
                }
            }
            Ok(context)
        });
        Ok(Self {
            program,
            contexts: contexts.collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn run(&self, request: usize) -> usize {
        let value = self
            .contexts
            .get(request)
            .map(|context| self.program.execute(context));
        usize::from(matches!(value, Some(Ok(cel::Value::Bool(true)))))
    }
}
