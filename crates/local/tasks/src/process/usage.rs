//! What process groups use, as the system tells it. Start at [`of_groups`].

use std::{collections::HashMap, fs, time::Duration};

use crate::{Usage, identity};

/// The unit of processor times in `/proc`: a hundredth of a second on every Linux that programs can see.
const TICK: Duration = Duration::from_millis(10);

/// What the processes of each of these groups use together. Groups without processes are left out; on systems without
/// `/proc`, all are.
pub(crate) fn of_groups(groups: &[i32]) -> HashMap<i32, Usage> {
    let mut found: HashMap<i32, Usage> = HashMap::new();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    for pid in processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok()) {
        let Some(fields) = identity::stat(pid) else { continue };
        let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u32>().ok()).unwrap_or(0);
        let Some(group) = fields.get(2).and_then(|field| field.parse().ok()) else { continue };
        if groups.contains(&group) {
            let usage = found.entry(group).or_default();
            // Its own time in user and kernel mode, and that of its children that have ended.
            usage.cpu += TICK * (number(11) + number(12) + number(13) + number(14));
            usage.memory += resident(pid);
        }
    }
    found
}

/// Bytes of a process that are in memory.
fn resident(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_time_and_memory() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let group: i32 = identity::stat(pid).unwrap()[2].parse().unwrap();
        let before = of_groups(&[group])[&group];
        assert!(before.memory > 100_000, "{before:?}");
        let mut spent = 0_u64;
        while of_groups(&[group])[&group].cpu <= before.cpu {
            spent = std::hint::black_box(spent.wrapping_add(1));
        }
        assert_eq!(of_groups(&[i32::MAX]), HashMap::new());
    }
}
