//! `tidegate sync --dry-run`: what differs, field by field, and what a sync would make of it. Nothing is changed, and no
//! lease is taken. Start with [`run`].

use super::looking::{Looking, standing};
use super::run::now;
use super::tell;
use super::wanted::Services;
use crate::args::{Global, Output};
use crate::exit::Exit;
use crate::failure::Failure;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use tidegate_aws::Client;
use tidegate_gitops::{Id, Memory, Standing};
use tidegate_report::style::Tone;

/// Looks at every service and shows it. Exit code 7 on drift, 1 where a service could not be asked.
pub async fn run(
    global: &Global,
    client: &Client,
    services: &Services,
    memory: &BTreeMap<Id, Memory>,
) -> Result<Exit, Failure> {
    let ids: Vec<Id> = services.plan.services().map(|one| one.id.clone()).collect();
    let mut looking = Looking::new(client.clone());
    let mut seen = looking.look(services, &ids).await;
    let frozen = services.frozen(now());
    let style = global.stdout_style();
    let mut counts = [0_usize; 3];
    let (mut text, mut rows) = (String::new(), Vec::new());
    for id in &ids {
        let looked = seen.remove(id).unwrap_or_else(|| Err("it was not looked at".into()));
        let unit = services.plan.unit_of(id);
        let back = memory.get(id).and_then(|memory| memory.thrown_back.as_ref());
        let back = back.filter(|back| unit.is_some_and(|unit| unit.digest == back.digest));
        let (word, running, fields) = match (standing(&looked), looked) {
            (_, Err(reason)) => {
                counts[2] += 1;
                let _ = writeln!(text, "{id}: {}: {reason}", style.paint(Tone::Bad, "could not be asked"));
                rows.push(json!({ "service": id, "standing": "unknown", "reason": reason }));
                continue;
            }
            (Standing::InSync, Ok((running, fields))) => ("in_sync", running, fields),
            (_, Ok((running, fields))) => ("drift", running, fields),
        };
        counts[usize::from(word == "drift")] += 1;
        let is_shown = word == "drift" || global.verbose > 0;
        if is_shown {
            let standing = tell::standing(&fields, style);
            let _ = writeln!(text, "{}: {standing}, runs {running}", style.paint(Tone::Strong, id.as_str()));
            text.push_str(&tell::table(&fields, style, global.verbose > 0));
        }
        if word == "drift" {
            if let Some(back) = back {
                let why = &back.reason;
                let _ = writeln!(text, "  thrown back before, and not tried again until it changes: {why}");
            }
            if let Some(window) = frozen.get(id) {
                let _ = writeln!(text, "  frozen: {}", window.message);
            }
        }
        rows.push(json!({
            "service": id, "standing": word, "running": running, "fields": fields,
            "wave": unit.map(|unit| unit.wave), "release": unit.and_then(|unit| unit.release.clone()),
            "thrownBack": back, "frozen": frozen.get(id).map(|window| window.message.clone()),
        }));
    }
    let [in_sync, drift, unknown] = counts;
    let mut stdout = std::io::stdout();
    if global.output == Output::Json {
        let calls: BTreeMap<&str, Value> =
            client.calls().into_iter().map(|(name, count)| (name, json!(count))).collect();
        let whole = json!({ "commit": services.plan.commit(), "inSync": in_sync, "drift": drift, "unknown": unknown,
            "services": rows, "calls": calls });
        let _ = writeln!(stdout, "{whole}");
    } else {
        let commit = services.plan.commit().short();
        let unknown = if unknown == 0 { String::new() } else { format!(", {unknown} could not be asked") };
        let _ = write!(stdout, "{text}");
        let _ = writeln!(
            stdout,
            "{} services wanted by {commit}: {in_sync} in sync, {drift} with drift{unknown}",
            ids.len()
        );
    }
    let [_, drifted, unknown] = counts;
    Ok(match (drifted, unknown) {
        (_, 1..) => Exit::Refused,
        (1.., 0) => Exit::Drift,
        (0, 0) => Exit::Done,
    })
}
