//! The program that holds a task's network namespace: it does nothing, for ever.
//!
//! Its image is made here, byte by byte, so that no registry is needed and nothing is downloaded.

use super::{
    daemon::{Daemon, is_missing, says},
    import::{NewImage, import},
};
use crate::driver::Failure;

/// The image of the container that holds the network of a task with `awsvpc`: 129 bytes, kept for the next task.
// Raise the number when the program changes.
pub const IMAGE: &str = "tidegate/pause:1";

/// Makes sure that the image is there.
pub(super) async fn ensure_image(daemon: &Daemon) -> Result<(), Failure> {
    let fails = |reason: String| {
        Failure::new(format!("CannotCreateContainerError: no image to hold the network: {reason}"))
    };
    match daemon.docker.inspect_image(IMAGE).await {
        Ok(_) => return Ok(()),
        Err(error) if is_missing(&error) => {}
        Err(error) => return Err(fails(says(&error))),
    }
    let program = program(&daemon.architecture)
        .ok_or_else(|| fails(format!("there is none for {}", daemon.architecture)))?;
    let layer = layer(&program).map_err(|error| fails(error.to_string()))?;
    let image =
        NewImage { name: IMAGE.to_owned(), entry_point: vec!["/pause".to_owned()], environment: Vec::new() };
    import(daemon, &image, layer).await.map_err(|error| fails(says(&error)))
}

fn layer(program: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_path("pause")?;
    header.set_size(program.len() as u64);
    header.set_mode(0o755);
    header.set_cksum();
    archive.append(&header, program)?;
    archive.into_inner()
}

/// A static ELF program for Linux: its header, one segment, and a loop around a system call that only a signal ends. As
/// the first process of its namespace it sees no signal but SIGKILL.
fn program(architecture: &str) -> Option<Vec<u8>> {
    const HEADERS: u64 = 64 + 56;
    const BASE: u64 = 0x40_0000;
    let (machine, code): (u16, Vec<u8>) = match architecture {
        "x86_64" | "amd64" => (
            62,
            vec![
                0xb8, 0x22, 0, 0, 0, // mov eax, 34 (pause)
                0x0f, 0x05, // syscall
                0xeb, 0xf7, // jmp to the beginning
            ],
        ),
        "aarch64" | "arm64" => {
            let words: [u32; 7] = [
                0xd280_0000, // mov x0, 0: no descriptors
                0xd280_0001, // mov x1, 0: how many
                0xd280_0002, // mov x2, 0: no time-out
                0xd280_0003, // mov x3, 0: no signal mask
                0xd280_0928, // mov x8, 73 (ppoll)
                0xd400_0001, // svc 0
                0x17ff_fffa, // b to the beginning
            ];
            (183, words.iter().flat_map(|word| word.to_le_bytes()).collect())
        }
        _ => return None,
    };
    let size = HEADERS + code.len() as u64;
    let mut elf = Vec::new();
    // The ELF header: 64 bits, little-endian, version 1, System V.
    elf.extend([0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    elf.extend(2_u16.to_le_bytes()); // an executable
    elf.extend(machine.to_le_bytes());
    elf.extend(1_u32.to_le_bytes()); // version
    elf.extend((BASE + HEADERS).to_le_bytes()); // where it begins to run
    elf.extend(64_u64.to_le_bytes()); // the program header follows this one
    elf.extend(0_u64.to_le_bytes()); // no section headers
    elf.extend(0_u32.to_le_bytes()); // flags
    elf.extend(64_u16.to_le_bytes()); // size of this header
    elf.extend(56_u16.to_le_bytes()); // size of a program header
    elf.extend(1_u16.to_le_bytes()); // one of them
    elf.extend([0; 6]); // sections: none
    // The program header: load the whole file, readable and executable.
    elf.extend(1_u32.to_le_bytes());
    elf.extend(5_u32.to_le_bytes());
    elf.extend(0_u64.to_le_bytes()); // from the file's beginning
    elf.extend(BASE.to_le_bytes()); // to this address
    elf.extend(BASE.to_le_bytes());
    elf.extend(size.to_le_bytes());
    elf.extend(size.to_le_bytes());
    elf.extend(0x1000_u64.to_le_bytes()); // alignment
    elf.extend(code);
    Some(elf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    #[test]
    fn the_program_runs_until_it_is_killed() {
        use std::{
            io::Write, os::unix::fs::OpenOptionsExt, os::unix::process::ExitStatusExt, process::Command,
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pause");
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o755)
            .open(&path)
            .unwrap();
        file.write_all(&program(std::env::consts::ARCH).unwrap()).unwrap();
        drop(file);
        let mut child = Command::new(&path).spawn().unwrap();
        assert_eq!(child.try_wait().unwrap(), None);
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9), "it must not have crashed before");
    }

    #[test]
    fn both_architectures_have_a_program_and_others_do_not() {
        let sizes = ["x86_64", "aarch64"].map(|it| program(it).unwrap().len());
        assert_eq!(sizes, [64 + 56 + 9, 64 + 56 + 28]);
        assert_eq!(program("riscv64"), None);
    }
}
