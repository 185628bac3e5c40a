//! The one program of the test image: what a container does is its first argument.

use std::{
    env, fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, exit},
    thread::sleep,
    time::Duration,
};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["wait"] => wait(),
        ["print", lines @ ..] => {
            lines.iter().for_each(|line| println!("{line}"));
            eprintln!("to stderr");
        }
        ["print-and-wait", line] => {
            println!("{line}");
            wait()
        }
        ["env"] => env::vars().for_each(|(name, value)| println!("{name}={value}")),
        ["hash-env-and-wait", names @ ..] => {
            for name in names {
                let mut hasher = DefaultHasher::new();
                env::var(name).unwrap_or_default().hash(&mut hasher);
                println!("{name} {:016x}", hasher.finish());
            }
            wait()
        }
        ["exit", code] => exit(code.parse().unwrap()),
        ["serve", port] => serve(port.parse().unwrap()),
        ["serve-http", port] => serve_http(port.parse().unwrap()),
        ["ask", address] => ask(address),
        ["exists", path] => exit(i32::from(!Path::new(path).exists())),
        ["flag-for-a-while", path, millis] => {
            fs::write(path, "").unwrap();
            sleep(Duration::from_millis(millis.parse().unwrap()));
            fs::remove_file(path).unwrap();
            wait()
        }
        // A child eats: containerd may lose the event of a kill that ends the container and its cgroup at the same
        // moment (containerd#8893).
        ["eat"] => {
            let status = Command::new("/program").arg("eat-alone").status().unwrap();
            sleep(Duration::from_secs(1));
            exit(status.signal().map_or(0, |signal| 128 + signal))
        }
        ["eat-alone"] => {
            let mut eaten = Vec::new();
            loop {
                eaten.push(vec![1_u8; 1 << 20]);
                println!("{} MiB", eaten.len());
            }
        }
        other => panic!("what is {other:?}?"),
    }
}

fn wait() -> ! {
    loop {
        sleep(Duration::from_secs(1000));
    }
}

/// Answers every request with 200, one for each connection.
fn serve_http(port: u16) -> ! {
    let listener = TcpListener::bind(("0.0.0.0", port)).unwrap();
    loop {
        if let Ok((mut client, _)) = listener.accept() {
            let _ = client.read(&mut [0; 4096]);
            let _ =
                client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n");
        }
    }
}

fn serve(port: u16) -> ! {
    let listener = TcpListener::bind(("0.0.0.0", port)).unwrap();
    loop {
        if let Ok((mut client, _)) = listener.accept() {
            let _ = client.write_all(b"hello\n");
        }
    }
}

fn ask(address: &str) {
    for _ in 0..200 {
        let mut answer = String::new();
        if TcpStream::connect(address).is_ok_and(|mut server| server.read_to_string(&mut answer).is_ok()) {
            print!("{answer}");
            return;
        }
        sleep(Duration::from_millis(50));
    }
    exit(1);
}
