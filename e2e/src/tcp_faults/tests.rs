//! What a client sees of each fault, in front of a server that says everything back.

use std::io::ErrorKind;

use super::*;

/// Says back what it hears, to everyone, until the tests are over.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || io::copy(&mut &stream, &mut &stream));
        }
    });
    address
}

fn connect(faults: &TcpFaults) -> TcpStream {
    let stream = TcpStream::connect(faults.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Says something and reads as much.
fn talk(mut stream: &TcpStream, text: &str) -> io::Result<String> {
    stream.write_all(text.as_bytes())?;
    let mut answer = vec![0; text.len()];
    stream.read_exact(&mut answer)?;
    Ok(String::from_utf8(answer).unwrap())
}

/// Reads to the end: what came, and how it ended.
fn rest(mut stream: &TcpStream) -> (Vec<u8>, Result<(), ErrorKind>) {
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes);
    (bytes, end.map(drop).map_err(|error| error.kind()))
}

#[test]
fn what_hangs_stays_open_and_comes_late() {
    let faults = TcpFaults::start(echo()).unwrap();
    let old = connect(&faults);
    assert_eq!(talk(&old, "one").unwrap(), "one");
    faults.set(Fault::Hang);
    let new = connect(&faults);
    for stream in [&old, &new] {
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        assert_eq!(talk(stream, "two").unwrap_err().kind(), ErrorKind::WouldBlock);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
    }
    faults.set(Fault::Pass);
    for stream in [old, new] {
        assert_eq!(talk(&stream, "xyz").unwrap(), "two");
        stream.shutdown(Shutdown::Write).unwrap();
    }
}

#[test]
fn refused_connections_end_and_others_are_made_afterwards() {
    let faults = TcpFaults::start(echo()).unwrap();
    let old = connect(&faults);
    assert_eq!(talk(&old, "one").unwrap(), "one");
    faults.set(Fault::Refuse);
    assert_eq!(rest(&old), (Vec::new(), Ok(())));
    assert_eq!(rest(&connect(&faults)), (Vec::new(), Ok(())));
    faults.set(Fault::Pass);
    assert!(talk(&old, "two").is_err());
    assert_eq!(talk(&connect(&faults), "two").unwrap(), "two");
}

#[test]
fn garbage_has_its_length_and_looks_like_no_http() {
    let faults = TcpFaults::start(echo()).unwrap();
    let old = connect(&faults);
    assert_eq!(talk(&old, "one").unwrap(), "one");
    for count in [0, 1, 9, 100_000] {
        faults.set(Fault::Garbage(count));
        let mut new = connect(&faults);
        new.write_all(b"two").unwrap();
        let (bytes, end) = rest(&new);
        assert_eq!((bytes.len(), end), (count, Ok(())));
        assert!(bytes.iter().take(3).all(|byte| !byte.is_ascii()), "{count}");
    }
    faults.set(Fault::Garbage(9));
    (&old).write_all(b"two").unwrap();
    assert_eq!(rest(&old), (garbage(9), Ok(())));
}

#[test]
fn a_reset_comes_after_so_many_bytes_of_the_answer() {
    let faults = TcpFaults::start(echo()).unwrap();
    let mut old = connect(&faults);
    assert_eq!(talk(&old, "before").unwrap(), "before");
    for count in [0, 1, 5, 6] {
        faults.set(Fault::Reset(count));
        let mut new = connect(&faults);
        new.write_all(b"answer").unwrap();
        assert_eq!(rest(&new), (b"answer"[..count].to_vec(), Err(ErrorKind::ConnectionReset)));
    }
    faults.set(Fault::Reset(8));
    assert_eq!(talk(&old, "answer").unwrap(), "answer");
    old.write_all(b"answer").unwrap();
    assert_eq!(rest(&old), (b"an".to_vec(), Err(ErrorKind::ConnectionReset)));
    faults.set(Fault::Pass);
    assert_eq!(talk(&connect(&faults), "after").unwrap(), "after");
}

#[test]
fn a_server_that_is_gone_or_goes_is_seen() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let faults = TcpFaults::start(listener.local_addr().unwrap()).unwrap();
    let mut stream = connect(&faults);
    stream.write_all(b"?").unwrap();
    let (mut server, _) = listener.accept().unwrap();
    server.write_all(b"bye").unwrap();
    drop(server);
    assert_eq!(rest(&stream).0, b"bye");
    drop(listener);
    let mut stream = connect(&faults);
    let _ = stream.write_all(b"?");
    assert_eq!(rest(&stream).0, b"");
}

#[test]
fn all_ends_with_it_whatever_hangs() {
    let faults = TcpFaults::start(echo()).unwrap();
    let (idle, hanging) = (connect(&faults), connect(&faults));
    assert_eq!(talk(&hanging, "one").unwrap(), "one");
    faults.set(Fault::Hang);
    (&hanging).write_all(b"two").unwrap();
    let address = faults.address();
    drop(faults);
    for stream in [idle, hanging] {
        let (bytes, end) = rest(&stream);
        assert!(bytes.is_empty() && end != Err(ErrorKind::WouldBlock), "{bytes:?} {end:?}");
    }
    assert!(TcpStream::connect(address).is_err());
}
