//! Messages that people read in a chat.

use serde_json::{Value, json};

use super::super::alert::{Alert, Status};
use super::super::event::Severity;
use super::{Context, cut, put};

/// What Slack takes of one block's text; <https://docs.slack.dev/reference/block-kit/blocks/section-block>.
const MAX_SLACK: usize = 2_900;

/// What Discord takes of an embed's description and of a field's value;
/// <https://discord.com/developers/docs/resources/message#embed-object-embed-limits>.
const MAX_DISCORD: usize = 4_000;
const MAX_DISCORD_FIELD: usize = 1_000;

/// Teams takes messages of 28 KB.
const MAX_TEAMS: usize = 8_000;

pub(super) fn slack(alert: &Alert, context: Context<'_>) -> Value {
    // Verbatim: an address in what a client says is no link.
    let section =
        |text: String| json!({"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": true}});
    let headline = for_slack(&cut(&alert.headline(), MAX_SLACK / 2));
    let mut blocks = vec![section(headline.clone())];
    for (name, value) in &alert.facts {
        blocks.push(section(format!(
            "*{name}:* {}",
            for_slack(&cut(value, MAX_SLACK / 2))
        )));
    }
    if let Some(link) = context.link(alert) {
        blocks.push(section(format!("<{link}|Open in Blobwatch>")));
    }
    json!({"text": headline, "blocks": blocks, "unfurl_links": false})
}

/// Text that is none of Slack's markup: it reads `<!channel>` and `<address|label>`.
/// <https://docs.slack.dev/messaging/formatting-message-text#escaping>
pub(super) fn for_slack(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// An Adaptive Card. `TextRun` reads no Markdown; values of a `FactSet` and the text of a `TextBlock` do.
pub(super) fn teams(alert: &Alert, context: Context<'_>) -> Value {
    let run =
        |text: &str, weight: &str| json!({"type": "TextRun", "text": cut(text, MAX_TEAMS), "weight": weight});
    let line = |runs: Vec<Value>| json!({"type": "RichTextBlock", "inlines": runs});
    let mut body = vec![line(vec![run(&alert.headline(), "Bolder")])];
    for (name, value) in &alert.facts {
        body.push(line(vec![
            run(&format!("{name}: "), "Bolder"),
            run(value, "Default"),
        ]));
    }
    let link = context.link(alert);
    let actions: Vec<Value> = link
        .map(|link| json!({"type": "Action.OpenUrl", "title": "Open in Blobwatch", "url": link}))
        .into_iter()
        .collect();
    let card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "actions": actions,
    });
    json!({
        "type": "message",
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}],
    })
}

pub(super) fn discord(alert: &Alert, context: Context<'_>) -> Value {
    let field = |(name, value): &(&str, String)| json!({"name": name, "value": for_discord(&cut(value, MAX_DISCORD_FIELD / 2))});
    let mut embed = json!({
        "description": for_discord(&cut(&alert.headline(), MAX_DISCORD / 2)),
        "color": colour(alert),
        "fields": alert.facts.iter().map(field).collect::<Vec<Value>>(),
    });
    if let Some(link) = context.link(alert) {
        put(&mut embed, "title", json!("Open in Blobwatch"));
        put(&mut embed, "url", json!(link));
    }
    json!({"embeds": [embed], "allowed_mentions": {"parse": []}})
}

/// Every mark of Discord's Markdown is escaped: `[text](address)` is a link there, and `@everyone` pages.
fn for_discord(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if matches!(
            letter,
            '\\' | '*' | '_' | '~' | '`' | '|' | '>' | '<' | '[' | ']' | '(' | ')' | '#' | '@' | ':' | '-'
        ) {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

const fn colour(alert: &Alert) -> u32 {
    match (alert.status, alert.severity) {
        (Status::Closed, _) => 0x002e_7d32,
        (_, Severity::Critical) => 0x00c6_2828,
        (_, Severity::Warning) => 0x00ef_6c00,
        (_, Severity::Info) => 0x0015_65c0,
    }
}
