//! `fleet-token watch`: every context's token as it ages, and what happens to it, live.

mod bar;
mod cut;
mod demo;
mod draw;
mod keys;
mod legend;
mod line;
mod model;
mod source;
mod table;
mod window;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use fleet_token::TokenEvents;

use crate::clock::Stopwatch;
use crate::request::Request;
use crate::screen::Screen;
use crate::serve::stopped;

use model::{Model, Seen};
use source::{Note, Source};

/// What to watch, and how.
#[derive(Debug, Args)]
// Which token, from where, is asked for together or not at all.
#[command(
    mut_arg("endpoint", |endpoint| endpoint.required(false).requires("what")),
    mut_group("what", |what| what.required(false).requires("endpoint")),
)]
pub(crate) struct Options {
    /// Plain lines, one an event, as when standard output is no terminal.
    #[arg(long)]
    plain: bool,
    /// End after so many seconds. Without it: at q or Ctrl-C.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    seconds: Option<u64>,
    #[command(flatten)]
    request: Option<Request>,
    /// Only with --endpoint: a further id of the same kind. May be given several times.
    #[arg(long, value_name = "ID", requires = "endpoint", help_heading = "What for")]
    and: Vec<String>,
    /// Only with --endpoint: how often each token is asked for, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, requires = "endpoint", value_parser = pace)]
    every: f64,
    /// Only with --endpoint: the safety margin, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, requires = "endpoint")]
    margin: u64,
}

fn pace(text: &str) -> Result<f64, String> {
    let pace = text.parse().ok().filter(|pace| (0.01..=86_400.0).contains(pace));
    pace.ok_or_else(|| "between 0.01 and 86400".to_owned())
}

/// Runs the command.
pub(crate) async fn run(options: &Options, screen: &Screen) -> ExitCode {
    let source = match Source::start(options).await {
        Ok(source) => source,
        Err(error) => {
            screen.complain(&format!("error: {error}"));
            return ExitCode::from(2);
        }
    };
    let mut watch = Watch::new(source);
    let ended = if options.plain || !std::io::stdout().is_terminal() {
        lines(&mut watch, options.end()).await;
        Ok(())
    } else {
        window::show(&mut watch, options.end(), screen).await
    };
    let stats = watch.source.factory.stats();
    watch.source.stop().await;
    if let Err(error) = ended {
        screen.complain(&format!("error: the terminal cannot be used: {error}\n  Try --plain."));
        return ExitCode::FAILURE;
    }
    Screen::pass(&stats.to_string());
    ExitCode::SUCCESS
}

impl Options {
    /// Comes when the time is up or somebody stops the program.
    fn end(&self) -> impl Future<Output = ()> + use<> {
        let stop = stopped();
        let seconds = self.seconds;
        async move {
            match seconds {
                Some(seconds) => tokio::select! {
                    () = stop => {}
                    () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
                },
                None => stop.await,
            }
        }
    }
}

/// What both ways of watching share.
struct Watch {
    source: Source,
    model: Model,
    events: TokenEvents,
    clock: Stopwatch,
}

impl Watch {
    fn new(source: Source) -> Self {
        let model = Model::new(source.name.clone(), source.demo.is_some());
        Self { events: source.factory.events(), source, model, clock: Stopwatch::start() }
    }

    /// Brings the model up to now, and gives each new line to `tell`.
    fn catch_up(&mut self, mut tell: impl FnMut(&model::Line)) {
        let now = self.clock.elapsed();
        while let Some(event) = self.events.try_next() {
            self.model.note(now, &event).into_iter().for_each(&mut tell);
        }
        while let Ok(note) = self.source.notes.try_recv() {
            match note {
                Note::Answer(context, generation) => self.model.served(&context, generation),
                Note::Said(text) => self.model.say(now, "demo", text).into_iter().for_each(&mut tell),
            }
        }
        if let Some(demo) = &self.source.demo {
            self.model.outage = Some(demo.is_down());
        }
        let factory = &self.source.factory;
        self.model.look(now, factory.stats(), factory.contexts().into_iter().map(Seen::from));
    }
}

/// How often things are looked at.
const FRAME: Duration = Duration::from_millis(100);

/// One line an event, for a file or a pipe.
async fn lines(watch: &mut Watch, end: impl Future<Output = ()>) {
    let mut end = std::pin::pin!(end);
    let mut frame = tokio::time::interval(FRAME);
    loop {
        watch.catch_up(|line| Screen::pass(&line::plain(line)));
        tokio::select! {
            () = &mut end => return,
            _ = frame.tick() => {}
        }
    }
}

#[cfg(test)]
mod tests;
