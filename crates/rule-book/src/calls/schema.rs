//! Schemas of what the RuleBook's calls send and answer, by the names of the table of calls.

use blobwatch_rulebook::{Rulebook, Settings};
use blobwatch_wire::{List, Schemas};

use super::archive_calls::{ArchiveBody, ArchiveItem};
use super::change::ChangeResult;
use super::check_calls::{CheckBody, Checked};
use super::ending::Retirement;
use super::explain_call::ExplainBody;
use super::fire_log_calls::FireLogItem;
use super::guard_calls::GuardOf;
use super::list_calls::{ItemsBody, ListBody, ListChange, ListDetail, ListOutline, ListRemoval};
use super::mode_body::ModeBody;
use super::mode_calls::{ModeItem, Unset, WaitingMode};
use super::panic_calls::{PanicBody, TakenBack};
use super::push_calls::Push;
use super::pushed::PushBody;
use super::reading_calls::GuardReadings;
use super::route_calls::{RouteBody, RouteItem};
use super::rule_calls::{RuleBody, RuleItem, VersionItem};
use super::second_person::{Decision, PendingItem, SecondPerson};
use super::token_calls::{ExpiryBody, NewToken, TokenBody, TokenItem};
use crate::audit::{AuditItem, ChainReport};
use crate::hypothetical::Hypothesis;
use crate::preview_request::PreviewRequest;

pub fn add_bodies(schemas: &mut Schemas) {
    schemas.add::<RuleBody>("RuleBody");
    schemas.add::<CheckBody>("CheckBody");
    schemas.add::<ModeBody>("ModeBody");
    schemas.add::<Decision>("Decision");
    schemas.add::<SecondPerson>("SecondPerson");
    schemas.add::<PanicBody>("PanicBody");
    schemas.add::<RouteBody>("RouteBody");
    schemas.add::<ListBody>("ListBody");
    schemas.add::<ItemsBody>("ItemsBody");
    schemas.add::<ArchiveBody>("ArchiveBody");
    schemas.add::<Settings>("Settings");
    schemas.add::<PushBody>("RulebookBody");
    schemas.add::<ExplainBody>("ExplainBody");
    schemas.add::<PreviewRequest>("PreviewRequest");
    schemas.add::<TokenBody>("TokenBody");
    schemas.add::<ExpiryBody>("ExpiryBody");
}

pub fn add_answers(schemas: &mut Schemas) {
    schemas.add::<List<RuleItem>>("List<RuleItem>");
    schemas.add::<RuleItem>("RuleItem");
    schemas.add::<List<VersionItem>>("List<VersionItem>");
    schemas.add::<ChangeResult<RuleItem>>("Changed<RuleItem>");
    schemas.add::<ChangeResult<Retirement>>("Changed<Retirement>");
    schemas.add::<Checked>("Checked");
    schemas.add::<List<ModeItem>>("List<ModeItem>");
    schemas.add::<ModeItem>("ModeItem");
    schemas.add::<ChangeResult<ModeItem>>("Changed<ModeItem>");
    schemas.add::<ChangeResult<Unset>>("Changed<Unset>");
    schemas.add::<WaitingMode>("WaitingMode");
    schemas.add::<PendingItem>("PendingItem");
    schemas.add::<List<PendingItem>>("List<PendingItem>");
    schemas.add::<SecondPerson>("SecondPerson");
    schemas.add::<List<GuardOf>>("List<GuardOf>");
    schemas.add::<GuardReadings>("GuardReadings");
    schemas.add::<List<ArchiveItem>>("List<ArchiveItem>");
    schemas.add::<ArchiveItem>("ArchiveItem");
    schemas.add::<ChangeResult<TakenBack>>("Changed<TakenBack>");
    schemas.add::<List<RouteItem>>("List<RouteItem>");
    schemas.add::<RouteItem>("RouteItem");
    schemas.add::<ChangeResult<RouteItem>>("Changed<RouteItem>");
    schemas.add::<List<ListOutline>>("List<ListOutline>");
    schemas.add::<ListDetail>("ListDetail");
    schemas.add::<ChangeResult<ListChange>>("Changed<ListChange>");
    schemas.add::<ChangeResult<ListRemoval>>("Changed<ListRemoval>");
    schemas.add::<Settings>("Settings");
    schemas.add::<ChangeResult<Settings>>("Changed<Settings>");
    schemas.add::<Rulebook>("Rulebook");
    schemas.add::<Push>("Push");
    schemas.add::<Hypothesis>("Hypothesis");
    schemas.add::<List<FireLogItem>>("List<FireLogItem>");
    schemas.add::<List<AuditItem>>("List<AuditItem>");
    schemas.add::<ChainReport>("ChainReport");
    schemas.add::<List<TokenItem>>("List<TokenItem>");
    schemas.add::<TokenItem>("TokenItem");
    schemas.add::<NewToken>("NewToken");
}
