//! Schemas of what the Detector's calls send and answer, by the names of the table of calls.

use blobwatch_wire::{List, Schemas};

use super::acts::{AssignBody, CommentBody, MuteBody};
use super::anomalies;
use super::cohorts::Cohorts;
use super::packets::PacketsAnswer;
use super::shares::{NewShareItem, ShareBody, ShareItem};
use super::timeline::Timeline;
use super::usual::Usual;
use super::webhooks::{ChangedWebhook, QueuedDelivery};
use crate::anomaly::AnomalyJson;
use crate::ingest::IngestSource;
use crate::store::DeliveryItem;
use crate::webhook::{WebhookBody, WebhookItem};

pub fn add_bodies(schemas: &mut Schemas) {
    schemas.add::<AssignBody>("AssignBody");
    schemas.add::<CommentBody>("CommentBody");
    schemas.add::<MuteBody>("MuteBody");
    schemas.add::<ShareBody>("ShareBody");
    schemas.add::<WebhookBody>("WebhookBody");
}

pub fn add_answers(schemas: &mut Schemas) {
    schemas.add::<anomalies::List>("AnomalyList");
    schemas.add::<AnomalyJson<'static>>("Anomaly");
    schemas.add::<List<ShareItem>>("List<ShareItem>");
    schemas.add::<ShareItem>("ShareItem");
    schemas.add::<NewShareItem>("NewShareItem");
    schemas.add::<Timeline>("Timeline");
    schemas.add::<Usual>("Usual");
    schemas.add::<Cohorts>("Cohorts");
    schemas.add::<List<WebhookItem>>("List<WebhookItem>");
    schemas.add::<List<DeliveryItem>>("List<DeliveryItem>");
    schemas.add::<WebhookItem>("WebhookItem");
    schemas.add::<ChangedWebhook>("Changed<WebhookItem>");
    schemas.add::<QueuedDelivery>("QueuedDelivery");
    schemas.add::<List<IngestSource>>("List<IngestSource>");
    schemas.add::<PacketsAnswer>("Packets");
}
