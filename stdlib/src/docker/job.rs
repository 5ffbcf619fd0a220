//! The life of a container that does one job.

use super::driver::DockerDriver;
use super::engine::Engines;
use super::reader::Output;
use super::run_once_args::Args;
use super::writer::Writer;
use crate::host::{KEPT, end_of, line};
use crate::outside_text::{last_lines, one_line};
use futures_util::future::{Either, select};
use pb_core::{Failure, Handle, Readers, Result, code};
use serde::{Deserialize, Serialize};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// Between two lines of output that are shown while it runs.
const SHOWN_EVERY: Duration = Duration::from_secs(1);
/// An engine that is restarted is waited for.
const AWAY: u32 = 60;
/// So many lines of output are in an error, each of so many characters.
const LINES: (usize, usize) = (10, 200);
/// So much of the output is in the data of an error.
const DATA: usize = 4096;

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ended {
    pub(super) code: i32,
    out_of_memory: bool,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Starts the container; one that could not be started is of no use to anybody.
pub(super) async fn start(writer: &Writer, engine: &Handle, name: &str) -> Result<()> {
    let Err(failure) = writer.start(engine, name).await else {
        return Ok(());
    };
    if !failure.doubt {
        writer.remove(engine, name).await?;
    }
    Err(failure)
}

/// Waits until the container has ended. Dropped before that, it kills and removes it.
pub(super) async fn wait(
    read: &Readers,
    writer: &Writer,
    engine: &Handle,
    name: &str,
) -> Result<Ended> {
    let mut guard = Guard(Some((engine.clone(), name.to_owned())));
    let code = {
        let mut ended = pin!(code(read, writer, engine, name));
        loop {
            match select(ended.as_mut(), read.clock().sleep(SHOWN_EVERY)).await {
                Either::Left((code, _)) => break code,
                Either::Right(_) => show(read, engine, name).await,
            }
        }
    };
    // From here on there is nothing to be killed, and what is in doubt is found again by its name.
    guard.0 = None;
    let docker = read.of::<DockerDriver>();
    let code = code?;
    // The job is done: a log that cannot be read, as some log drivers have it, is no reason to do it again.
    let output = docker.output(engine, name).await.unwrap_or_else(|failure| {
        read.progress(format!(
            "the output of `{name}` could not be read: {failure}"
        ));
        Output::default()
    });
    let container = docker.container(engine, read.vault(), name).await?;
    Ok(Ended {
        code: code.try_into().unwrap_or(i32::MAX),
        out_of_memory: container.is_some_and(|container| container.out_of_memory),
        stdout: kept(read, &output.stdout),
        stderr: kept(read, &output.stderr),
    })
}

async fn code(read: &Readers, writer: &Writer, engine: &Handle, name: &str) -> Result<i64> {
    for _ in 0..AWAY {
        match writer.wait(engine, name).await {
            Err(failure) if failure.is(&code::UNREACHABLE) => {
                read.progress(format!("waiting for the engine: {failure}"));
                read.clock().sleep(Duration::from_secs(1)).await;
            }
            other => return other,
        }
    }
    writer.wait(engine, name).await
}

/// Says the last line that it wrote.
async fn show(read: &Readers, engine: &Handle, name: &str) {
    let log = read.of::<DockerDriver>().log_tail(engine, name).await;
    if let Some(last) = log.last() {
        read.progress(one_line(last, 120));
    }
}

/// The end of a stream, without the half of a secret at the cut.
fn kept(read: &Readers, text: &str) -> String {
    let scrubbed = read.vault().scrubber().text(text);
    end_of(&scrubbed, KEPT).to_owned()
}

/// Another exit code than the wanted one.
pub(super) fn unexpected(args: &Args, ended: &Ended) -> Failure {
    let (line, image) = (one_line(&line(&args.argv), 80), &args.image);
    let message = match ended.out_of_memory {
        false => format!(
            "`{line}` in `{image}` ended with {}, not {}",
            ended.code, args.expect_code
        ),
        true => format!("`{line}` in `{image}` was killed: it ran out of memory"),
    };
    let mut failure = Failure::new(&code::EXIT_CODE, message)
        .with("code", ended.code)
        .with("stdout", end_of(&ended.stdout, DATA))
        .with("stderr", end_of(&ended.stderr, DATA))
        .partial();
    let said = [&ended.stderr, &ended.stdout].map(|text| last_lines(text, LINES.0, LINES.1));
    let said = said.into_iter().find(|lines| !lines.is_empty());
    failure.because = said.unwrap_or_else(|| vec!["it said nothing".into()]);
    failure
}

/// Kills and removes a container when the wait for it is given up.
struct Guard(Option<(Handle, String)>);

impl Drop for Guard {
    fn drop(&mut self) {
        let Some((engine, name)) = self.0.take() else {
            return;
        };
        // Whoever gives up may be about to end the process: it has to be done when this returns, and a future that is
        // dropped cannot wait. So it is done elsewhere, and that is waited for.
        let ended = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let writer = Writer::new(Arc::new(Engines::default()));
                let end = async {
                    writer.kill(&engine, &name).await?;
                    writer.remove(&engine, &name).await
                };
                // An engine that does not answer must not hold up the end; the next run finds what is left.
                drop(tokio::time::timeout(Duration::from_secs(10), end).await);
            });
            Ok::<_, std::io::Error>(())
        });
        drop(ended.join());
    }
}
