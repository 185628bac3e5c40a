//! What a commit wants, put in order: waves, dependencies, releases. A plan that exists can be carried out: cycles,
//! names that are nowhere and orders that contradict each other are errors. Start with [`Plan::of`].

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use tidegate_rollout::ServiceRef;

/// Which service, as people write it: `cluster/service`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Id(String);

impl Id {
    /// The id of a service.
    pub fn of(target: &ServiceRef) -> Self {
        Self(target.to_string())
    }

    /// The id that was written as `cluster/service`.
    pub fn parse(written: &str) -> Self {
        Self(written.to_owned())
    }

    /// What `dependsOn` names: `cluster/service`, or a service of the same cluster as `from`.
    pub fn named(name: &str, from: &Self) -> Self {
        match (name.contains('/'), from.0.split_once('/')) {
            (false, Some((cluster, _))) => Self(format!("{cluster}/{name}")),
            _ => Self(name.to_owned()),
        }
    }

    /// `cluster/service`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The service's name alone.
    pub fn service(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A commit, or what stands in the work tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Its full name; `work tree` where there is none.
    pub id: String,
    /// The first line of its message.
    pub subject: String,
}

impl Commit {
    /// The name as people say it: twelve digits.
    pub fn short(&self) -> &str {
        self.id.get(..12).filter(|_| self.id.len() >= 40).unwrap_or(&self.id)
    }
}

/// One service as a commit wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The service.
    pub id: Id,
    /// What must be in sync before.
    pub depends_on: Vec<Id>,
    /// Waves go one after the other, the lowest first.
    pub wave: u32,
    /// The release that it is part of.
    pub release: Option<String>,
    /// The digest of everything that it wants.
    pub digest: String,
    /// The file that says so.
    pub file: String,
}

/// What moves as one: a service of its own, or the services of a release one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// The release's name, if it is one.
    pub release: Option<String>,
    /// Its wave.
    pub wave: u32,
    /// Its services in their order.
    pub members: Vec<Wanted>,
    /// What is tried, and not tried again once it was thrown back: the service's digest, or one of all its members'.
    pub digest: String,
    /// The units that must be in sync before, by their place in the plan.
    pub depends_on: BTreeSet<usize>,
}

impl Unit {
    /// `release shop`, or the service.
    pub fn name(&self) -> String {
        match (&self.release, self.members.first()) {
            (Some(release), _) => format!("release {release}"),
            (None, Some(only)) => only.id.to_string(),
            (None, None) => String::new(),
        }
    }
}

/// Everything that a commit wants, in the order in which it may begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    commit: Commit,
    units: Vec<Unit>,
    places: BTreeMap<Id, (usize, usize)>,
}

/// Why there is no order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A service that two entries want.
    #[error("{id} is wanted twice: by {first} and by {second}")]
    Twice {
        /// The service.
        id: Id,
        /// One file.
        first: String,
        /// The other.
        second: String,
    },
    /// A dependency that no entry wants.
    #[error("{id} ({file}) depends on {on}, which no file of this commit describes")]
    Unknown {
        /// The service.
        id: Id,
        /// Its file.
        file: String,
        /// What it names.
        on: Id,
    },
    /// Services that wait for each other.
    #[error("these wait for each other: {}", path.join(" → "))]
    Cycle {
        /// The way around, its first name again at the end.
        path: Vec<String>,
    },
    /// A dependency that begins only after it.
    #[error("{id} is in wave {wave} and depends on {on}, which is in the later wave {later}")]
    LaterWave {
        /// The service.
        id: Id,
        /// Its wave.
        wave: u32,
        /// What it depends on.
        on: Id,
        /// That one's wave.
        later: u32,
    },
    /// A release that would move in two waves.
    #[error(
        "release {release} is one move, and its services are in different waves: {first} in {wave}, {second} in {other}"
    )]
    ReleaseWaves {
        /// The release.
        release: String,
        /// A service of it.
        first: Id,
        /// That one's wave.
        wave: u32,
        /// Another one.
        second: Id,
        /// The other wave.
        other: u32,
    },
}

impl PlanError {
    /// What to do.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Twice { .. } => "keep one of the two",
            Self::Unknown { .. } => {
                "write the name as its file has it, or cluster/service for one of another cluster"
            }
            Self::Cycle { .. } => "take one `dependsOn` out, or make one `release` of them",
            Self::LaterWave { .. } => "move one of the two to another `wave`",
            Self::ReleaseWaves { .. } => "give all services of a release the same `wave`",
        }
    }
}

impl Plan {
    /// Puts what a commit wants in order. Where nothing else decides, the order given stays.
    pub fn of(commit: Commit, wanted: Vec<Wanted>) -> Result<Self, PlanError> {
        let mut files: BTreeMap<&Id, &str> = BTreeMap::new();
        for one in &wanted {
            if let Some(first) = files.insert(&one.id, &one.file) {
                let (id, second) = (one.id.clone(), one.file.clone());
                return Err(PlanError::Twice { id, first: first.to_owned(), second });
            }
        }
        let mut units = unordered(wanted)?;
        let places = places_of(&units);
        for unit in &mut units {
            let mut on = BTreeSet::new();
            for member in &unit.members {
                for dependency in &member.depends_on {
                    let Some((place, _)) = places.get(dependency) else {
                        let (id, file, on) = (member.id.clone(), member.file.clone(), dependency.clone());
                        return Err(PlanError::Unknown { id, file, on });
                    };
                    on.insert(*place);
                }
            }
            unit.depends_on = on;
        }
        later_waves(&units, &places)?;
        let own: Vec<BTreeSet<usize>> = units
            .iter()
            .enumerate()
            .map(|(place, unit)| {
                let within = |on: &&usize| **on != place || unit.release.is_none();
                unit.depends_on.iter().filter(within).copied().collect()
            })
            .collect();
        let names: Vec<String> = units.iter().map(Unit::name).collect();
        let order = ordered(&own, &names)?;
        let mut new_place = vec![0; order.len()];
        for (new, old) in order.iter().enumerate() {
            new_place[*old] = new;
        }
        let mut sorted: Vec<Unit> = order.iter().map(|old| units[*old].clone()).collect();
        for (new, unit) in sorted.iter_mut().enumerate() {
            let on = unit.depends_on.iter().map(|old| new_place[*old]).filter(|place| *place != new);
            unit.depends_on = on.collect();
            unit.members = members_in_order(std::mem::take(&mut unit.members))?;
            unit.digest = joint_digest(unit);
        }
        let places = places_of(&sorted);
        Ok(Self { commit, units: sorted, places })
    }

    /// The commit.
    pub fn commit(&self) -> &Commit {
        &self.commit
    }

    /// What moves, in the order in which it may begin.
    pub fn units(&self) -> &[Unit] {
        &self.units
    }

    /// The services in order.
    pub fn services(&self) -> impl Iterator<Item = &Wanted> {
        self.units.iter().flat_map(|unit| &unit.members)
    }

    /// The unit that a service is part of.
    pub fn unit_of(&self, id: &Id) -> Option<&Unit> {
        self.places.get(id).and_then(|(unit, _)| self.units.get(*unit))
    }
}

fn places_of(units: &[Unit]) -> BTreeMap<Id, (usize, usize)> {
    let of = |(place, unit): (usize, &Unit)| {
        let members: Vec<_> =
            unit.members.iter().enumerate().map(|(at, member)| (member.id.clone(), (place, at))).collect();
        members
    };
    units.iter().enumerate().flat_map(of).collect()
}

/// A unit a service or a release, by wave and then as given.
fn unordered(wanted: Vec<Wanted>) -> Result<Vec<Unit>, PlanError> {
    let mut units: Vec<Unit> = Vec::new();
    for one in wanted {
        let joined = one
            .release
            .as_ref()
            .and_then(|release| units.iter_mut().find(|unit| unit.release.as_ref() == Some(release)));
        match joined {
            Some(unit) if unit.wave != one.wave => {
                return Err(PlanError::ReleaseWaves {
                    release: one.release.clone().unwrap_or_default(),
                    first: unit.members[0].id.clone(),
                    wave: unit.wave,
                    second: one.id,
                    other: one.wave,
                });
            }
            Some(unit) => unit.members.push(one),
            None => units.push(Unit {
                release: one.release.clone(),
                wave: one.wave,
                digest: String::new(),
                depends_on: BTreeSet::new(),
                members: vec![one],
            }),
        }
    }
    units.sort_by_key(|unit| unit.wave);
    Ok(units)
}

fn later_waves(units: &[Unit], places: &BTreeMap<Id, (usize, usize)>) -> Result<(), PlanError> {
    for unit in units {
        for member in &unit.members {
            for on in &member.depends_on {
                let later = places.get(on).map_or(0, |(place, _)| units[*place].wave);
                if later > unit.wave {
                    let (id, on) = (member.id.clone(), on.clone());
                    return Err(PlanError::LaterWave { id, wave: unit.wave, on, later });
                }
            }
        }
    }
    Ok(())
}

fn members_in_order(members: Vec<Wanted>) -> Result<Vec<Wanted>, PlanError> {
    let place = |id: &Id| members.iter().position(|member| member.id == *id);
    let on: Vec<BTreeSet<usize>> =
        members.iter().map(|member| member.depends_on.iter().filter_map(place).collect()).collect();
    let names: Vec<String> = members.iter().map(|member| member.id.to_string()).collect();
    let order = ordered(&on, &names)?;
    Ok(order.into_iter().map(|at| members[at].clone()).collect())
}

/// Each after what it depends on, else as it came.
fn ordered(on: &[BTreeSet<usize>], names: &[String]) -> Result<Vec<usize>, PlanError> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; on.len()];
    let mut order = Vec::with_capacity(on.len());
    for first in 0..on.len() {
        // By hand instead of by recursion: a chain of thousands must not end the program.
        let mut way: Vec<(usize, Vec<usize>)> = Vec::new();
        if marks[first] == Mark::New {
            marks[first] = Mark::Open;
            way.push((first, on[first].iter().rev().copied().collect()));
        }
        while let Some((at, left)) = way.last_mut() {
            let Some(next) = left.pop() else {
                marks[*at] = Mark::Done;
                order.push(*at);
                way.pop();
                continue;
            };
            match marks[next] {
                Mark::Done => {}
                Mark::New => {
                    marks[next] = Mark::Open;
                    way.push((next, on[next].iter().rev().copied().collect()));
                }
                Mark::Open => {
                    let from = way.iter().position(|(at, _)| *at == next).unwrap_or_default();
                    let around = way[from..].iter().map(|(at, _)| *at).chain([next]);
                    return Err(PlanError::Cycle { path: around.map(|at| names[at].clone()).collect() });
                }
            }
        }
    }
    Ok(order)
}

/// A release is tried as one, and so it is remembered as one.
fn joint_digest(unit: &Unit) -> String {
    match (&unit.release, unit.members.as_slice()) {
        (None, [only]) => only.digest.clone(),
        (_, members) => {
            let all: Vec<[&str; 2]> =
                members.iter().map(|member| [member.id.as_str(), member.digest.as_str()]).collect();
            crate::digest(&serde_json::json!({ "release": unit.release, "members": all }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit() -> Commit {
        Commit { id: "c".repeat(40), subject: "a change".into() }
    }

    /// `name@wave release:r <- a b`
    fn wanted(text: &str) -> Wanted {
        let (head, on) = text.split_once(" <- ").unwrap_or((text, ""));
        let (head, release) =
            head.split_once(" in ").map_or((head, None), |(head, release)| (head, Some(release.to_owned())));
        let (name, wave) = head.split_once('@').unwrap_or((head, "0"));
        let id = Id(format!("prod/{name}"));
        Wanted {
            depends_on: on.split_whitespace().map(|name| Id::named(name, &id)).collect(),
            wave: wave.parse().expect("a number"),
            release,
            digest: format!("digest-of-{name}"),
            file: format!("{name}.yml"),
            id,
        }
    }

    fn order(texts: &[&str]) -> Result<String, String> {
        let wanted = texts.iter().map(|text| wanted(text)).collect();
        let plan = Plan::of(commit(), wanted).map_err(|error| format!("{error}; {}", error.help()))?;
        Ok(plan.services().map(|one| one.id.service().to_owned()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn waves_come_first_then_dependencies_then_the_order_of_the_files() {
        assert_eq!(order(&["web@1", "b <- a", "a", "db"]).as_deref(), Ok("a b db web"));
        assert_eq!(order(&["x in r", "m", "y in r <- z", "z in r"]).as_deref(), Ok("x z y m"));
        assert_eq!(order(&["x in r", "m", "y in r <- m"]).as_deref(), Ok("m x y"), "a release waits as one");
    }

    #[test]
    fn what_has_no_order_is_said_with_the_way_around() {
        insta::assert_snapshot!(order(&["a <- b", "b <- c", "c <- a"]).unwrap_err(), @"these wait for each other: prod/a → prod/b → prod/c → prod/a; take one `dependsOn` out, or make one `release` of them");
        insta::assert_snapshot!(order(&["a <- a"]).unwrap_err(), @"these wait for each other: prod/a → prod/a; take one `dependsOn` out, or make one `release` of them");
        insta::assert_snapshot!(order(&["x in r", "m <- x", "y in r <- m"]).unwrap_err(), @"these wait for each other: release r → prod/m → release r; take one `dependsOn` out, or make one `release` of them");
        insta::assert_snapshot!(order(&["x in r <- y", "y in r <- x"]).unwrap_err(), @"these wait for each other: prod/x → prod/y → prod/x; take one `dependsOn` out, or make one `release` of them");
    }

    #[test]
    fn what_contradicts_itself_is_an_error() {
        insta::assert_snapshot!(order(&["a", "b", "a"]).unwrap_err(), @"prod/a is wanted twice: by a.yml and by a.yml; keep one of the two");
        insta::assert_snapshot!(order(&["a <- nowhere"]).unwrap_err(), @"prod/a (a.yml) depends on prod/nowhere, which no file of this commit describes; write the name as its file has it, or cluster/service for one of another cluster");
        insta::assert_snapshot!(order(&["a@1 <- b", "b@2"]).unwrap_err(), @"prod/a is in wave 1 and depends on prod/b, which is in the later wave 2; move one of the two to another `wave`");
        insta::assert_snapshot!(order(&["a@1 in r", "b@2 in r"]).unwrap_err(), @"release r is one move, and its services are in different waves: prod/a in 1, prod/b in 2; give all services of a release the same `wave`");
    }

    #[test]
    fn a_chain_of_ten_thousand_is_put_in_order() {
        let chain: Vec<String> = (0..10_000).map(|at| format!("s{at} <- s{}", at + 1)).collect();
        let mut texts: Vec<&str> = chain.iter().map(String::as_str).collect();
        texts.push("s10000");
        assert!(order(&texts).is_ok_and(|order| order.starts_with("s10000 s9999 ")));
    }

    #[test]
    fn a_release_is_new_content_when_one_of_its_services_is() {
        let plan = |digest: &str| {
            let mut two = vec![wanted("x in r"), wanted("y in r")];
            two[1].digest = digest.into();
            Plan::of(commit(), two).expect("a plan").units()[0].digest.clone()
        };
        assert_ne!(plan("1"), plan("2"));
        assert_eq!(plan("1"), plan("1"));
    }
}
