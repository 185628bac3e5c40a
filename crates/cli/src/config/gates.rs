//! `gates:`, a list of what must hold for a step to pass. Start with [`gates`].

use super::error::{ConfigError, Place, Source};
use super::section::{Section, number, share, text};
use super::yaml::{Data, Node};
use serde_json::Value;
use tidegate_rollout::gate::{
    At, Check, Comparison, Gate, HttpProbe, LatencyComparison, MetricCheck, MustBe, NoEvidence,
};

/// What a gate may look at; each has exactly one of these keys.
const KINDS: [&str; 7] = ["alarm", "metric", "http", "command", "approval", "errors", "latency"];
/// How long a probe may take when nobody says, and how long a command.
const PROBE_TIMEOUT: i64 = 5_000;
const COMMAND_TIMEOUT: i64 = 5 * 60 * 1000;
/// How many failed probes in a row break a gate when nobody says.
const FAILURES: u32 = 3;
/// By how many points more requests may fail, by how many percent p95 may be slower, and how sure one
/// must be of more, when nobody says.
const TOLERANCE_POINTS: f64 = 0.5;
const TOLERANCE_PERCENT: f64 = 20.0;
const PERCENTILE: f64 = 95.0;
const CERTAINTY: f64 = 99.0;

/// The gates in the order of the file, each with its place.
pub fn gates(source: &Source, node: &Node) -> Result<Vec<(Gate, Place)>, ConfigError> {
    let Data::List(items) = &node.data else {
        return Err(ConfigError::at(
            source,
            node.place,
            format!("gates must be a list, and this is {}", node.kind()),
        )
        .with_help("write for example `- alarm: web-5xx` and `- errors: {tolerance: 0.5}`"));
    };
    let mut gates: Vec<(Gate, Place)> = Vec::new();
    for item in items {
        let gate = gate(source, item)?;
        if gates.iter().any(|(other, _)| other.name == gate.name) {
            let what = format!("two gates are called `{}`", gate.name);
            return Err(ConfigError::at(source, item.place, what).with_help("give one of them a `name`"));
        }
        gates.push((gate, item.place));
    }
    Ok(gates)
}

fn gate(source: &Source, node: &Node) -> Result<Gate, ConfigError> {
    let section = Section::of(
        source,
        node,
        "a gate",
        &["alarm", "metric", "http", "command", "approval", "errors", "latency", "name", "at", "timeout"],
    )?;
    let kinds: Vec<&str> = KINDS.into_iter().filter(|kind| section.key_place(kind).is_some()).collect();
    let [kind] = kinds[..] else {
        let what = if kinds.is_empty() {
            "this gate looks at nothing".to_owned()
        } else {
            format!("this gate looks at several things: {}", kinds.join(", "))
        };
        return Err(ConfigError::at(source, node.place, what)
            .with_help(format!("each gate has exactly one of: {}", KINDS.join(", "))));
    };
    if kind != "command"
        && let Some(place) = section.key_place("timeout")
    {
        return Err(ConfigError::at(source, place, format!("`timeout` beside `{kind}` means nothing"))
            .with_help("it is for `command`; an http gate has it inside: http: {url: …, timeout: 5s}"));
    }
    let (check, usual) = check(source, &section, kind, node.place)?;
    Ok(Gate { name: section.text("name")?.unwrap_or(usual), check, at: at(source, &section)? })
}

/// The check, and how it is called when nobody says.
fn check(
    source: &Source,
    gate: &Section<'_>,
    kind: &str,
    place: Place,
) -> Result<(Check, String), ConfigError> {
    let node = gate.node(kind);
    let needed = || node.ok_or_else(|| ConfigError::at(source, place, format!("`{kind}` needs a value")));
    Ok(match kind {
        "alarm" => {
            let alarm = text(source, needed()?, kind)?;
            (Check::Alarm { alarm: alarm.clone() }, alarm)
        }
        "metric" => {
            let metric = metric(source, needed()?)?;
            let name = metric.metric.clone();
            (Check::Metric(metric), name)
        }
        "http" => (Check::Http(probe(source, needed()?)?), kind.to_owned()),
        "command" => {
            let command = words(source, needed()?)?;
            let name = command[0].rsplit('/').next().unwrap_or(kind).to_owned();
            (Check::Command { command, timeout: gate.time("timeout")?.unwrap_or(COMMAND_TIMEOUT) }, name)
        }
        "approval" => (Check::Approval { question: text(source, needed()?, kind)? }, kind.to_owned()),
        "errors" => (Check::Errors(errors(source, node, place)?), kind.to_owned()),
        _ => (Check::Latency(latency(source, node, place)?), kind.to_owned()),
    })
}

fn metric(source: &Source, node: &Node) -> Result<MetricCheck, ConfigError> {
    let section = Section::of(
        source,
        node,
        "metric",
        &[
            "namespace",
            "metric",
            "dimensions",
            "statistic",
            "period",
            "below",
            "atMost",
            "above",
            "atLeast",
            "noData",
        ],
    )?;
    let named = |key: &str| text(source, section.required(key, "metric", node.place)?, key);
    let sides = [
        ("below", MustBe::Below),
        ("atMost", MustBe::AtMost),
        ("above", MustBe::Above),
        ("atLeast", MustBe::AtLeast),
    ];
    let given: Vec<_> = sides.into_iter().filter(|(key, _)| section.node(key).is_some()).collect();
    let [(side, must_be)] = given[..] else {
        return Err(ConfigError::at(
            source,
            node.place,
            "a metric needs exactly one of `below`, `atMost`, `above`, `atLeast`",
        ));
    };
    let period = section.time("period")?.unwrap_or(60_000);
    if period % 60_000 != 0 && period != 10_000 && period != 20_000 && period != 30_000 || period == 0 {
        let place = section.node("period").map_or(node.place, |period| period.place);
        return Err(ConfigError::at(source, place, "a period is 10, 20 or 30 seconds, or whole minutes"));
    }
    Ok(MetricCheck {
        namespace: named("namespace")?,
        metric: named("metric")?,
        dimensions: section.texts("dimensions")?,
        statistic: named("statistic")?,
        period,
        must_be,
        threshold: section.number(side)?.unwrap_or_default(),
        no_data: no_evidence(source, &section, "noData")?,
    })
}

fn probe(source: &Source, node: &Node) -> Result<HttpProbe, ConfigError> {
    if !matches!(node.data, Data::Mapping(_)) {
        let url = url(source, node)?;
        return Ok(HttpProbe { url, expects: vec![(200, 299)], timeout: PROBE_TIMEOUT, failures: FAILURES });
    }
    let section = Section::of(source, node, "http", &["url", "expects", "timeout", "failures"])?;
    Ok(HttpProbe {
        url: url(source, section.required("url", "http", node.place)?)?,
        expects: section.node("expects").map_or(Ok(vec![(200, 299)]), |node| statuses(source, node))?,
        timeout: section.time("timeout")?.unwrap_or(PROBE_TIMEOUT),
        failures: section.count("failures")?.unwrap_or(FAILURES),
    })
}

fn url(source: &Source, node: &Node) -> Result<String, ConfigError> {
    let url = text(source, node, "http")?;
    if url.starts_with("http://") || url.starts_with("https://") {
        return Ok(url);
    }
    Err(ConfigError::at(
        source,
        node.place,
        format!("`{url}` is no address: it begins with http:// or https://"),
    ))
}

/// `200`, `200-299`, or a list of them.
fn statuses(source: &Source, node: &Node) -> Result<Vec<(u16, u16)>, ConfigError> {
    let range = |node: &Node| {
        let given = text(source, node, "expects")?;
        let (first, last) = given.split_once('-').unwrap_or((&given, &given));
        let status =
            |text: &str| text.trim().parse::<u16>().ok().filter(|status| (100..=599).contains(status));
        match (status(first), status(last)) {
            (Some(first), Some(last)) if first <= last => Ok((first, last)),
            _ => Err(ConfigError::at(
                source,
                node.place,
                format!("`{given}` is no status; write for example 200, 200-299 or [200, 404]"),
            )),
        }
    };
    match &node.data {
        Data::List(items) => items.iter().map(range).collect(),
        _ => Ok(vec![range(node)?]),
    }
}

fn words(source: &Source, node: &Node) -> Result<Vec<String>, ConfigError> {
    match &node.data {
        Data::List(items) if !items.is_empty() => {
            items.iter().map(|word| text(source, word, "each word of command")).collect()
        }
        _ => {
            Err(ConfigError::at(source, node.place, "command must be a list: the program and its arguments")
                .with_help("write for example command: [\"./smoke-test\", \"--fast\"]"))
        }
    }
}

fn errors(source: &Source, node: Option<&Node>, place: Place) -> Result<Comparison, ConfigError> {
    let Some(node) = node else {
        return wrong_limits(source, place, Comparison::new(TOLERANCE_POINTS, CERTAINTY, NoEvidence::Wait));
    };
    let section = Section::of(source, node, "errors", &["tolerance", "certainty", "tooLittle"])?;
    let comparison = Comparison::new(
        section.number("tolerance")?.unwrap_or(TOLERANCE_POINTS),
        section.number("certainty")?.unwrap_or(CERTAINTY),
        no_evidence(source, &section, "tooLittle")?,
    );
    wrong_limits(source, node.place, comparison)
}

fn latency(source: &Source, node: Option<&Node>, place: Place) -> Result<LatencyComparison, ConfigError> {
    let Some(node) = node else {
        let usual = LatencyComparison::new(PERCENTILE, TOLERANCE_PERCENT, CERTAINTY, NoEvidence::Wait);
        return wrong_limits(source, place, usual);
    };
    let section =
        Section::of(source, node, "latency", &["percentile", "tolerance", "certainty", "tooLittle"])?;
    let percentile = match section.node("percentile") {
        // `p95` is what people say.
        Some(node) => match &node.data {
            Data::Scalar(Value::String(text)) if text.starts_with('p') => text[1..]
                .parse()
                .map_err(|_| ConfigError::at(source, node.place, format!("`{text}` is no percentile")))?,
            _ => number(source, node, "percentile")?,
        },
        None => PERCENTILE,
    };
    let comparison = LatencyComparison::new(
        percentile,
        section.number("tolerance")?.unwrap_or(TOLERANCE_PERCENT),
        section.number("certainty")?.unwrap_or(CERTAINTY),
        no_evidence(source, &section, "tooLittle")?,
    );
    wrong_limits(source, node.place, comparison)
}

fn wrong_limits<T>(source: &Source, place: Place, made: Result<T, String>) -> Result<T, ConfigError> {
    made.map_err(|wrong| ConfigError::at(source, place, wrong))
}

/// `wait`, `pass` or `fail`.
fn no_evidence(source: &Source, section: &Section<'_>, key: &str) -> Result<NoEvidence, ConfigError> {
    let Some(node) = section.node(key) else { return Ok(NoEvidence::Wait) };
    match text(source, node, key)?.as_str() {
        "wait" => Ok(NoEvidence::Wait),
        "pass" => Ok(NoEvidence::Pass),
        "fail" => Ok(NoEvidence::Fail),
        other => Err(ConfigError::at(
            source,
            node.place,
            format!("{key} must be wait, pass or fail, and this is `{other}`"),
        )),
    }
}

/// `at: 10` or `at: [10, 25]`.
fn at(source: &Source, section: &Section<'_>) -> Result<At, ConfigError> {
    Ok(match section.node("at") {
        None => At::EveryStep,
        Some(node) => At::Steps(match &node.data {
            Data::List(items) => {
                items.iter().map(|item| share(source, item, "at")).collect::<Result<_, _>>()?
            }
            _ => vec![share(source, node, "at")?],
        }),
    })
}
