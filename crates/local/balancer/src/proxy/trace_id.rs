//! `X-Amzn-Trace-Id`, by which a request is followed through services.
//!
//! The first balancer sets `Root`; one that finds a root adds its own mark as `Self`. Start at [`write`].

use std::io::Write as _;

/// Appends the header's value to `head`. `seconds` is the time since the Unix epoch.
pub(crate) fn write(head: &mut Vec<u8>, received: Option<&[u8]>, seconds: u64) {
    let received = received.unwrap_or_default().trim_ascii();
    // Writing to a Vec cannot fail.
    let _ = if has_root(received) {
        head.extend_from_slice(b"Self=");
        write_mark(head, seconds).and_then(|()| {
            head.push(b';');
            head.write_all(without_self(received))
        })
    } else if received.is_empty() {
        head.extend_from_slice(b"Root=");
        write_mark(head, seconds)
    } else {
        head.extend_from_slice(b"Root=");
        write_mark(head, seconds).and_then(|()| {
            head.push(b';');
            head.write_all(received)
        })
    };
}

fn write_mark(head: &mut Vec<u8>, seconds: u64) -> std::io::Result<()> {
    write!(head, "1-{:08x}-{:08x}{:016x}", seconds as u32, fastrand::u32(..), fastrand::u64(..))
}

fn has_root(value: &[u8]) -> bool {
    value.split(|&byte| byte == b';').any(|field| field.trim_ascii().starts_with(b"Root="))
}

/// A `Self` that another balancer set first is replaced by ours.
fn without_self(value: &[u8]) -> &[u8] {
    match value.iter().position(|&byte| byte == b';') {
        Some(end) if value.starts_with(b"Self=") => value[end + 1..].trim_ascii(),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(received: Option<&str>) -> String {
        let mut head = Vec::new();
        write(&mut head, received.map(str::as_bytes), 0x6543_2100);
        String::from_utf8(head).unwrap()
    }

    fn is_mark(mark: &str) -> bool {
        let parts: Vec<_> = mark.split('-').collect();
        parts.len() == 3 && parts[0] == "1" && parts[1] == "65432100" && parts[2].len() == 24
    }

    #[test]
    fn a_request_without_a_trace_gets_a_root() {
        assert!(is_mark(written(None).strip_prefix("Root=").unwrap()));
    }

    #[test]
    fn a_request_with_a_root_gets_a_self_before_it() {
        let value = written(Some("Root=1-67891233-abcdef012345678912345678;CalledFrom=app"));
        let (own, rest) = value.split_once(';').unwrap();
        assert!(is_mark(own.strip_prefix("Self=").unwrap()));
        assert_eq!(rest, "Root=1-67891233-abcdef012345678912345678;CalledFrom=app");
    }

    #[test]
    fn the_self_of_a_balancer_before_is_replaced() {
        let value = written(Some("Self=1-1-2;Root=1-67891233-abcdef012345678912345678"));
        assert_eq!(value.matches("Self=").count(), 1);
        assert!(value.ends_with(";Root=1-67891233-abcdef012345678912345678"));
    }

    #[test]
    fn what_has_no_root_is_kept_behind_a_new_one() {
        let value = written(Some("CalledFrom=app"));
        assert!(value.starts_with("Root=1-65432100-") && value.ends_with(";CalledFrom=app"));
    }
}
