//! What is watched: a factory, and callers that ask it at their pace.

use std::time::Duration;

use fleet_token::{AuthTokenContext, AuthTokenFactory, IdField};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::Options;
use super::demo::Demo;
use crate::request::Request;

/// What callers and the demo tell.
#[derive(Debug)]
pub(crate) enum Note {
    /// A call was answered with the token of that generation.
    Answer(AuthTokenContext, u64),
    /// What the demo is about to do.
    Said(&'static str),
}

/// Where lines of [`Note`]s go.
pub(crate) type Notes = mpsc::UnboundedSender<Note>;

/// A factory with callers. They stop when it is dropped.
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) factory: AuthTokenFactory,
    pub(crate) notes: mpsc::UnboundedReceiver<Note>,
    /// The backend, where it is ours.
    pub(crate) demo: Option<Demo>,
    paused: watch::Sender<bool>,
    callers: JoinSet<()>,
}

impl Source {
    /// As the arguments say; the error is for the person who gave them.
    pub(crate) async fn start(options: &Options) -> Result<Self, String> {
        let (notes, received) = mpsc::unbounded_channel();
        let (name, factory, callers, demo) = if let Some(request) = &options.request {
            let (factory, contexts) = real(request, options)?;
            let pace = Duration::from_secs_f64(options.every);
            let callers = contexts.into_iter().map(|context| (context, pace)).collect();
            (host(&request.endpoint), factory, callers, None)
        } else {
            let (demo, factory, callers) = Demo::start(notes.clone()).await?;
            ("demo backend".to_owned(), factory, callers, Some(demo))
        };
        let mut source =
            Self { name, factory, notes: received, demo, paused: watch::Sender::new(false), callers: JoinSet::new() };
        for (context, pace) in callers {
            let paused = source.paused.subscribe();
            source.callers.spawn(call(source.factory.clone(), context, pace, paused, notes.clone()));
        }
        Ok(source)
    }

    /// Whether callers ask.
    pub(crate) fn pause(&self, paused: bool) {
        self.paused.send_replace(paused);
    }

    pub(crate) async fn stop(mut self) {
        self.callers.shutdown().await;
        self.factory.shutdown().await;
        if let Some(demo) = self.demo {
            demo.stop().await;
        }
    }
}

/// One caller, as an app is: it asks for its token each time it needs it.
async fn call(
    factory: AuthTokenFactory,
    context: AuthTokenContext,
    pace: Duration,
    mut paused: watch::Receiver<bool>,
    notes: Notes,
) {
    let mut pace = interval(pace);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pace.tick().await;
        if paused.wait_for(|paused| !paused).await.is_err() {
            return;
        }
        // Why there was none is told by the factory's events.
        if let Ok(token) = factory.token(&context).await {
            let _ = notes.send(Note::Answer(context.clone(), token.generation()));
        }
    }
}

/// A factory on somebody's own backend.
fn real(request: &Request, options: &Options) -> Result<(AuthTokenFactory, Vec<AuthTokenContext>), String> {
    let first = request.context();
    let kind = first.kind().map_err(|error| error.to_string())?;
    // An endpoint is for one kind of context: further ids are of the kind of the first.
    let field = IdField::ALL.into_iter().find(|field| first.id(*field).is_some());
    let mut contexts = vec![first];
    for id in &options.and {
        let field = field.ok_or("--and names further ids, and this context has none")?;
        contexts.push(contexts[0].clone().with_id(field, id));
    }
    if let Some(bad) = contexts.iter().find_map(|context| context.kind().err()) {
        return Err(bad.to_string());
    }
    let session = request.session()?;
    let factory = AuthTokenFactory::builder()
        .endpoint(kind, request.endpoint())
        .header_provider(session)
        .safety_margin(Duration::from_secs(options.margin))
        .allow_http_loopback()
        .build()
        .map_err(|error| error.to_string())?;
    Ok((factory, contexts))
}

/// Of a URL; a path or a query may hold what nobody should see.
fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_endpoint_only_the_host_is_shown() {
        for url in [
            "https://u:SECRET-SESSION-x@b.example:8443/t/{vehicleId}?key=SECRET",
            "http://b.example:8443?x",
            "b.example:8443",
        ] {
            assert_eq!(host(url), "b.example:8443");
        }
    }
}
