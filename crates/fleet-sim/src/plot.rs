//! Requests per second over time, as SVG.

use std::path::Path;

use plotters::prelude::*;

use crate::queue::{SECOND, Time};
use crate::scenario::{Scenario, Who};
use crate::tally::Tally;

const BIN: Time = 10 * SECOND;

fn colour(who: Who) -> RGBColor {
    match who {
        Who::Sample => RGBColor(234, 67, 53),
        Who::Interval => RGBColor(251, 160, 5),
        Who::Ladder => RGBColor(120, 120, 120),
        Who::Ours => RGBColor(26, 115, 232),
    }
}

/// Draws one scenario, every client in it, as multiples of the steady rate.
pub fn draw(file: &Path, scenario: &Scenario, devices: u32, runs: &[(Who, Tally)]) -> Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let onset = scenario.onset();
    let from = onset.saturating_sub(300 * SECOND);
    let to = onset + scenario.lasts + (scenario.after).min(3900 * SECOND);
    let steady = scenario.steady(devices);
    let minutes = |time: Time| (time as f64 - onset as f64) / (60 * SECOND) as f64;
    let points = |tally: &Tally| -> Vec<(f64, f64)> {
        let bins = tally.bins(from, to, BIN);
        // Nothing cannot be drawn on a logarithmic axis.
        let rate = |bin: u32| (f64::from(bin) / 10.0 / steady).max(0.1);
        bins.iter().enumerate().map(|(n, bin)| (minutes(from + n as u64 * BIN), rate(*bin))).collect()
    };
    let most = runs.iter().flat_map(|(_, tally)| points(tally)).map(|point| point.1).fold(2.0, f64::max);
    let area = SVGBackend::new(file, (900, 420)).into_drawing_area();
    area.fill(&WHITE).map_err(|error| text(&error))?;
    let title = format!("{}: requests per second, as multiples of the steady rate", scenario.about);
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 17))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(minutes(from)..minutes(to), (0.1..most * 1.6).log_scale())
        .map_err(|error| text(&error))?;
    chart
        .configure_mesh()
        .x_desc("minutes since it began")
        .y_desc("× steady")
        .y_label_formatter(&|value| if *value < 1.0 { format!("{value:.1}") } else { format!("{value:.0}") })
        .light_line_style(RGBColor(240, 240, 240))
        .draw()
        .map_err(|error| text(&error))?;
    for (who, tally) in runs {
        let width = if *who == Who::Ours { 3 } else { 1 };
        let style = colour(*who).stroke_width(width);
        chart
            .draw_series(LineSeries::new(points(tally), style))
            .map_err(|error| text(&error))?
            .label(who.name())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.85))
        .border_style(RGBColor(200, 200, 200))
        .draw()
        .map_err(|error| text(&error))?;
    area.present().map_err(|error| text(&error))
}
