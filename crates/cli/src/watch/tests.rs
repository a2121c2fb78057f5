use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use draw::{Palette, draw};

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

fn options(args: &[&str]) -> Result<Options, clap::Error> {
    use clap::Parser as _;
    Line::try_parse_from([&[""], args].concat()).map(|line| line.options)
}

#[test]
fn without_an_endpoint_it_is_the_demo_and_with_one_it_needs_an_id() {
    assert!(options(&[]).unwrap().request.is_none());
    assert!(options(&["--plain", "--seconds", "3"]).unwrap().request.is_none());
    let endpoint = ["--endpoint", "https://b.example/{vehicleId}"];
    let real = options(&[&endpoint[..], &["--vehicle-id", "a", "--and", "b", "--every", "0.5"]].concat()).unwrap();
    assert!(real.request.is_some() && real.and == ["b"]);
    for bad in [&endpoint[..], &["--vehicle-id", "a"], &["--and", "b"], &["--margin", "5"], &["--every", "0"]] {
        assert!(options(bad).is_err(), "{bad:?}");
    }
}

/// Everything that can be drawn and printed, from a run of the demo through an outage.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_token_and_no_login_is_ever_drawn_or_printed() {
    let mut watch = Watch::new(Source::start(&options(&[]).unwrap()).await.unwrap());
    let mut terminal = Terminal::new(TestBackend::new(300, 80)).unwrap();
    let (mut seen, mut printed, mut tokens) = (String::new(), Vec::new(), Vec::new());
    let patience = Stopwatch::start();
    // Until every context that may have a token had one, and then one that could not be had any more.
    while tokens.len() < 7 || !printed.iter().any(|line: &String| line.contains("attempt 1 failed")) {
        assert!(patience.elapsed() < Duration::from_secs(60), "only {} tokens came: {printed:#?}", tokens.len());
        watch.catch_up(|line| printed.push(line::plain(line)));
        terminal.draw(|frame| draw(frame, &watch.model, Palette { colour: true })).unwrap();
        seen.extend(terminal.backend().buffer().content().iter().map(ratatui::buffer::Cell::symbol));
        for row in &watch.model.rows {
            let token = watch.source.factory.try_token(&row.context).map(|token| token.value().to_owned());
            tokens.extend(token.filter(|token| !tokens.contains(token)));
        }
        let demo = watch.source.demo.as_ref().unwrap();
        if tokens.len() >= 7 && !demo.is_down() {
            demo.turn(true);
            watch.source.factory.clear();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let all = seen + &printed.join("\n");
    assert!(all.contains("vehicle_1") && all.contains("has a token for") && all.contains(": no token"), "{printed:#?}");
    let parts = tokens.iter().flat_map(|token| token.split('.').map(str::to_owned).collect::<Vec<_>>());
    assert!(parts.filter(|part| part.len() > 20).all(|part| !all.contains(&part[..20])), "a token is in it");
    assert!(!all.contains("SECRET-SESSION"), "the login is in it");
    watch.source.stop().await;
}
