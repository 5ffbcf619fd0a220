//! The runtime socket of HAProxy: one line in, text out. Answers have no status code.

use super::config::Socket;
use pb_core::{Failure, Result, Span, code};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

/// HAProxy answers between two requests that it serves.
const LIMIT: Duration = Duration::from_secs(10);
/// Thousands of servers fit into this.
const LARGEST: u64 = 16 << 20;

/// Sends a line of commands; gives the text of the answer.
pub(super) async fn ask(socket: &Socket, commands: &str) -> Result<String> {
    let failed = |error| unreachable(socket, &error);
    match tokio::time::timeout(LIMIT, exchange(socket, commands)).await {
        Ok(Ok(answer)) if answer.starts_with("Permission denied") => Err(denied(socket)),
        Ok(answer) => answer.map_err(failed),
        Err(_) => {
            let message = format!(
                "HAProxy at `{socket}` did not answer within {}",
                Span(LIMIT)
            );
            Err(Failure::new(&code::UNREACHABLE, message)
                .retryable()
                .in_doubt())
        }
    }
}

async fn exchange(socket: &Socket, commands: &str) -> io::Result<String> {
    match socket {
        Socket::Unix(path) => speak(UnixStream::connect(path).await?, commands).await,
        Socket::Tcp(host) => speak(TcpStream::connect(host).await?, commands).await,
    }
}

async fn speak(
    mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin,
    commands: &str,
) -> io::Result<String> {
    stream.write_all(format!("{commands}\n").as_bytes()).await?;
    let mut answer = vec![];
    stream.take(LARGEST).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn unreachable(socket: &Socket, error: &io::Error) -> Failure {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "the socket does not exist".to_owned(),
        io::ErrorKind::ConnectionRefused => "nobody listens there".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    };
    let message = format!("HAProxy at `{socket}` could not be reached");
    let failure = Failure::new(&code::UNREACHABLE, message)
        .because(reason)
        .retryable();
    failure.hint(format!(
        "section `global` of haproxy.cfg needs `stats socket {} mode 660 level admin`",
        socket.as_bind()
    ))
}

fn denied(socket: &Socket) -> Failure {
    let message = format!("HAProxy at `{socket}` allows reading only");
    Failure::new(&code::ROUTER, message)
        .because("it answered `Permission denied`")
        .hint(format!(
            "section `global` of haproxy.cfg needs `stats socket {} mode 660 level admin`",
            socket.as_bind()
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_that_is_not_there_is_named() {
        let socket = Socket::Unix("/nowhere/admin.sock".into());
        let failure = ask(&socket, "show stat").await.expect_err("no such socket");
        assert_eq!(failure.code, code::UNREACHABLE.id);
        assert_eq!(
            failure.message,
            "HAProxy at `/nowhere/admin.sock` could not be reached"
        );
        assert_eq!(failure.because, ["the socket does not exist"]);
        let hint = "section `global` of haproxy.cfg needs `stats socket /nowhere/admin.sock mode \
                    660 level admin`";
        assert_eq!(failure.hint.as_deref(), Some(hint));
    }
}
