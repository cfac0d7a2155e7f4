//! Somebody who is told: takes what webhooks send, and answers as a test wants.

use std::collections::VecDeque;
use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::head::Head;

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct ReceivedRequest {
    pub(crate) head: Head,
    pub(crate) body: String,
}

#[derive(Clone)]
pub(crate) struct Receiver {
    addr: SocketAddr,
    told: Arc<Mutex<Vec<ReceivedRequest>>>,
    /// Answers to the next requests; 200 after those.
    answers: Arc<Mutex<VecDeque<String>>>,
}

impl Receiver {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let receiver = Self {
            addr: listener.local_addr().unwrap(),
            told: Arc::default(),
            answers: Arc::default(),
        };
        let server = receiver.clone();
        // It ends with the process: tests have nothing to wait for.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = server.serve(stream);
            }
        });
        receiver
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// What the next request is answered: a status line's end and fields, for instance `500 No` or
    /// `302 Found\r\nLocation: …`.
    pub(crate) fn answer_next(&self, head: &str) {
        self.answers.lock().unwrap().push_back(head.to_owned());
    }

    /// Everything so far.
    pub(crate) fn told(&self) -> Vec<ReceivedRequest> {
        self.told.lock().unwrap().clone()
    }

    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut from = BufReader::new(stream.try_clone()?);
        let Some(head) = Head::read(&mut from)? else {
            return Ok(());
        };
        let length = head.get("content-length").and_then(|text| text.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        from.read_exact(&mut body)?;
        let body = String::from_utf8_lossy(&body).into_owned();
        self.told.lock().unwrap().push(ReceivedRequest { head, body });
        let answer = self.answers.lock().unwrap().pop_front();
        let answer = answer.unwrap_or_else(|| "200 OK".to_owned());
        write!(
            stream,
            "HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
    }
}
