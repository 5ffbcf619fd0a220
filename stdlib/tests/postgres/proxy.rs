//! A way to a server that ends at a chosen point of what is said on it.

use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What becomes of the message that holds the word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The server gets it; its answer is lost.
    After,
    /// The server never gets it.
    Before,
}

/// Where the way ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Point {
    /// Once so many bytes have passed, to and fro.
    Byte(u64),
    /// At that message to the server that holds the word, the first being 1.
    Word(u64, Cut),
    /// Nowhere.
    Never,
}

/// Passes everything on until the point comes, then nothing at all, until it is cut.
pub(crate) struct Way {
    pub(crate) port: u16,
    line: Arc<Line>,
}

struct Line {
    word: &'static str,
    point: Point,
    passed: watch::Sender<Passed>,
}

/// What has gone by.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Passed {
    pub(crate) bytes: u64,
    pub(crate) words: u64,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Before,
    /// The last bytes are being passed on.
    Reaching,
    /// Nothing passes.
    At,
    /// What was open is closed, and everything passes again.
    Over,
}

/// Passes everything on until the word comes by, then hangs up; once.
pub(crate) async fn cut_at(server: u16, word: &'static str, cut: Cut) -> u16 {
    let way = Way::to(server, word, Point::Word(1, cut)).await;
    let port = way.port;
    tokio::spawn(async move {
        way.reached().await;
        way.cut();
    });
    port
}

impl Way {
    pub(crate) async fn to(server: u16, word: &'static str, point: Point) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let port = listener.local_addr().expect("bound").port();
        let passed = watch::Sender::default();
        let line = Arc::new(Line {
            word,
            point,
            passed,
        });
        let way = line.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(way.clone().carry(client, server));
            }
        });
        Self { port, line }
    }

    pub(crate) fn passed(&self) -> Passed {
        *self.line.passed.borrow()
    }

    /// Returns when the point has come.
    pub(crate) async fn reached(&self) {
        self.line.until(Stage::At).await;
    }

    /// Hangs up whatever is open; who calls again comes through.
    pub(crate) fn cut(&self) {
        self.line.enter(Stage::Over);
    }
}

impl Line {
    async fn until(&self, stage: Stage) {
        let mut seen = self.passed.subscribe();
        let came = seen.wait_for(|passed| passed.stage == stage).await;
        came.map(drop).expect("the line holds the other end");
    }

    fn enter(&self, stage: Stage) {
        self.passed.send_modify(|passed| passed.stage = stage);
    }

    async fn carry(self: Arc<Self>, client: TcpStream, server: u16) {
        let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else {
            return;
        };
        let is_new = self.passed.borrow().stage != Stage::Over;
        let (from_client, mut to_client) = client.into_split();
        let (from_server, mut to_server) = server.into_split();
        {
            let there = self.pass(from_client, &mut to_server, true);
            let back = self.pass(from_server, &mut to_client, false);
            tokio::select! {
                _ = async { tokio::join!(there, back) } => {}
                () = self.until(Stage::Over), if is_new => {}
            }
        }
        // The server reads what came before the end of the stream.
        drop(to_server.shutdown().await);
    }

    async fn pass(&self, mut from: OwnedReadHalf, to: &mut OwnedWriteHalf, to_server: bool) {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(n @ 1..) = from.read(&mut buffer).await {
            let part = self.part(&buffer[..n], to_server);
            let written = to.write_all(&buffer[..part]).await;
            if self.passed.borrow().stage == Stage::Reaching {
                self.enter(Stage::At);
            }
            if part < n {
                std::future::pending::<()>().await;
            }
            if written.is_err() {
                break;
            }
        }
        drop(to.shutdown().await);
    }

    /// How many of the bytes may pass.
    fn part(&self, bytes: &[u8], to_server: bool) -> usize {
        let word = self.word.as_bytes();
        let holds = to_server && bytes.windows(word.len()).any(|part| part == word);
        let mut part = bytes.len();
        self.passed.send_modify(|passed| {
            if matches!(passed.stage, Stage::Reaching | Stage::At) {
                part = 0;
                return;
            }
            let before = passed.bytes;
            passed.bytes += bytes.len() as u64;
            passed.words += u64::from(holds);
            if passed.stage == Stage::Over {
                return;
            }
            match self.point {
                Point::Byte(n) if passed.bytes >= n => part = (n - before) as usize,
                Point::Word(n, Cut::Before) if holds && passed.words == n => part = 0,
                Point::Word(n, Cut::After) if holds && passed.words == n => {}
                Point::Byte(_) | Point::Word(..) | Point::Never => return,
            }
            passed.stage = Stage::Reaching;
        });
        part
    }
}
