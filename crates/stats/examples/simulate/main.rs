//! Simulates rollouts and writes what `docs/gates.md` shows: its tables, the numbers as CSV, and two pictures. The same seeds
//! give the same files on every machine.

mod chart;
mod world;

use chart::{Axis, Chart, Line};
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use world::{Looks, Run, TOLERANCE, World, for_seeds};

const RUNS: u64 = 10_000;
const REQUESTS: u64 = 20_000;
const LOOK_EVERY: u64 = 10;
const WEIGHTS: [f64; 3] = [0.01, 0.1, 0.5];

fn main() -> Result<(), Box<dyn Error>> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let gates = docs.join("gates");
    std::fs::create_dir_all(&gates)?;

    let alarms = false_alarms()?;
    std::fs::write(gates.join("false-alarms.csv"), &alarms.csv)?;
    std::fs::write(gates.join("false-alarms.svg"), &alarms.picture)?;
    let delays = detection_delays()?;
    std::fs::write(gates.join("detection-delay.csv"), &delays.csv)?;
    std::fs::write(gates.join("detection-delay.svg"), &delays.picture)?;

    let page = docs.join("gates.md");
    let text = std::fs::read_to_string(&page)?;
    let text = put_between(&text, "false alarms", &alarms.table)?;
    let text = put_between(&text, "detection delay", &delays.table)?;
    std::fs::write(&page, text)?;
    Ok(())
}

/// What a simulation leaves.
struct Outcome {
    csv: String,
    table: String,
    picture: String,
}

/// How often candidates that are no worse than tolerated are called worse.
fn false_alarms() -> Result<Outcome, Box<dyn Error>> {
    let mut csv =
        "stable,candidate,weight,rollouts,alarms,textbook_at_any_look,textbook_at_the_last_look\n".to_owned();
    let mut table =
        "| stable | candidate | Tidegate: at 1 % of the traffic | at 10 % | at 50 % | z-test at every look: at 1 % | at 10 % | at 50 % | z-test once: at 1 % | at 10 % | at 50 % |\n"
            .to_owned();
    table += &"| ---: ".repeat(11);
    table += "|\n";
    let mut picture = String::new();
    let mut seed = 0;
    for stable in [0.0, 0.001, 0.01, 0.05, 0.3] {
        for candidate in [stable, stable + TOLERANCE / 100.0] {
            let mut columns = [const { Vec::new() }; 3];
            for weight in WEIGHTS {
                let looks = Looks::Every(LOOK_EVERY);
                let world = World { stable, candidate, weight, requests: REQUESTS, looks };
                let runs = for_seeds(seed..seed + RUNS, |seed| world.run(seed))?;
                seed += RUNS;
                let counts = [
                    runs.iter().filter(|run| run.alarm.is_some()).count(),
                    runs.iter().filter(|run| run.textbook.is_some()).count(),
                    runs.iter().filter(|run| run.textbook_last).count(),
                ];
                let [alarms, any, last] = counts;
                writeln!(csv, "{stable},{candidate},{weight},{RUNS},{alarms},{any},{last}")?;
                for (column, count) in columns.iter_mut().zip(counts) {
                    column.push(count.to_string());
                }
                let pictured =
                    [stable, candidate, weight].map(|share| (share * 1000.0).round() as u32) == [10, 15, 500];
                if pictured {
                    picture = picture_of_false_alarms(&runs);
                }
            }
            let cells = columns.concat().join(" | ");
            writeln!(table, "| {} | {} | {cells} |", percent(stable), percent(candidate))?;
        }
    }
    Ok(Outcome { csv, table, picture })
}

fn picture_of_false_alarms(runs: &[Run]) -> String {
    let share_by = |when: fn(&Run) -> Option<u64>| {
        let mut alarms: Vec<u64> = runs.iter().filter_map(when).collect();
        alarms.sort_unstable();
        let mut points: Vec<(f64, f64)> = Vec::new();
        for step in 0..=100 {
            let requests = 20.0 * (REQUESTS as f64 / 20.0).powf(f64::from(step) / 100.0);
            let so_far = alarms.partition_point(|&at| at as f64 <= requests);
            if so_far > 0 {
                points.push((requests, 100.0 * so_far as f64 / runs.len() as f64));
            }
        }
        points
    };
    let promise = vec![(20.0, 1.0), (REQUESTS as f64, 1.0)];
    Chart {
        title: "False alarms, when the counts are looked at every 10 requests",
        subtitle: "10,000 rollouts at the edge of what is tolerated: 1.5 % against 1 %, half of the traffic, 99 % asked for",
        across: Axis {
            title: "requests so far",
            from: 20.0,
            to: REQUESTS as f64,
            ticks: &[(20.0, "20"), (100.0, "100"), (1000.0, "1,000"), (10_000.0, "10,000")],
        },
        up: Axis {
            title: "rollouts called worse by then",
            from: 0.01,
            to: 100.0,
            ticks: &[(0.01, "0.01 %"), (0.1, "0.1 %"), (1.0, "1 %"), (10.0, "10 %"), (100.0, "100 %")],
        },
        lines: vec![
            Line { name: "the textbook's z-test", points: share_by(|run| run.textbook), ..Line::colour(1) },
            Line { name: "promised: at most 1 %, ever", points: promise, ..Line::dashed() },
            Line { name: "Tidegate's comparison", points: share_by(|run| run.alarm), ..Line::colour(0) },
        ],
    }
    .svg()
}

/// How many requests a candidate that is worse gets until it is called worse.
fn detection_delays() -> Result<Outcome, Box<dyn Error>> {
    const RUNS: u64 = 1_000;
    const BEYOND: [f64; 5] = [30.0, 5.0, 2.0, 1.0, 0.5];
    let mut csv =
        "stable,points_beyond_tolerance,weight,rollouts,found,median,ninetieth_percentile\n".to_owned();
    let mut table = "| stable fails | beyond the tolerance | at 1 % of the traffic | at 10 % | at 50 % |\n| ---: | ---: | ---: | ---: | ---: |\n".to_owned();
    let mut lines = Vec::new();
    let mut seed = 1_000_000;
    for (colour, (stable, name)) in
        [(0.0, "stable fails 0 %"), (0.01, "stable fails 1 %"), (0.05, "stable fails 5 %")]
            .into_iter()
            .enumerate()
    {
        let mut line = Line { name, ..Line::colour(colour) };
        for beyond in BEYOND {
            let mut cells = Vec::new();
            for weight in WEIGHTS {
                let candidate = stable + (TOLERANCE + beyond) / 100.0;
                let world =
                    World { stable, candidate, weight, requests: 1_000_000_000, looks: Looks::Sparser };
                let mut delays: Vec<u64> =
                    for_seeds(seed..seed + RUNS, |seed| world.delay(seed))?.into_iter().flatten().collect();
                seed += RUNS;
                delays.sort_unstable();
                let at = |share: f64| delays.get((RUNS as f64 * share) as usize).copied().unwrap_or(u64::MAX);
                let (median, late) = (at(0.5), at(0.9));
                writeln!(csv, "{stable},{beyond},{weight},{RUNS},{},{median},{late}", delays.len())?;
                cells.push(format!("{} ({})", grouped(median), grouped(late)));
                if (weight - 0.1).abs() < f64::EPSILON {
                    line.points.push((beyond, median as f64));
                    line.upper.push((beyond, late as f64));
                }
            }
            writeln!(table, "| {} | {} | {} |", percent(stable), points(beyond), cells.join(" | "))?;
        }
        lines.push(line);
    }
    let picture = Chart {
        title: "How many requests a bad candidate gets until it is thrown back",
        subtitle: "medians of 1,000 rollouts, and up to the 90th percentile; a tenth of the traffic, 99 % sure, 0.5 points tolerated",
        across: Axis {
            title: "error rate above stable's, in points beyond the tolerance",
            from: 0.4,
            to: 40.0,
            ticks: &[(0.5, "0.5"), (1.0, "1"), (2.0, "2"), (5.0, "5"), (10.0, "10"), (30.0, "30")],
        },
        up: Axis {
            title: "requests to the candidate",
            from: 5.0,
            to: 100_000.0,
            ticks: &[(10.0, "10"), (100.0, "100"), (1000.0, "1,000"), (10_000.0, "10,000"), (100_000.0, "100,000")],
        },
        lines,
    }
    .svg();
    Ok(Outcome { csv, table, picture })
}

fn percent(share: f64) -> String {
    format!("{} %", (share * 1000.0).round() / 10.0)
}

fn points(points: f64) -> String {
    if (points - 1.0).abs() < f64::EPSILON { "1 point".to_owned() } else { format!("{points} points") }
}

fn grouped(number: u64) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", grouped(number / 1000), number % 1000),
    }
}

/// The page with `content` between the two comments that name `section`.
fn put_between(page: &str, section: &str, content: &str) -> Result<String, String> {
    let (start, end) = (format!("<!-- simulated: {section} -->\n"), format!("<!-- end: {section} -->"));
    let (before, rest) = page.split_once(&start).ok_or(format!("the page has no `{}`", start.trim()))?;
    let (_, after) = rest.split_once(&end).ok_or(format!("the page has no `{end}`"))?;
    Ok(format!("{before}{start}\n{content}\n{end}{after}"))
}
