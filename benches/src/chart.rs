//! Charts, as SVG without a font of this machine's.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::fleet::{Memory, Took};
use crate::report::{HitRow, thousands};
use crate::stores::Side;

const WIDTH: u32 = 860;
const LINE: i32 = 34;
const LEFT: i32 = 300;
const RIGHT: i32 = 60;
const TOP: i32 = 58;

/// Ours, the floor, rivals: told apart by lightness, too.
fn colour(side: Side) -> RGBColor {
    match side {
        Side::Ours | Side::Handle => RGBColor(0, 92, 175),
        Side::Floor | Side::OwnedFloor => RGBColor(120, 120, 120),
        Side::Rival | Side::HandRolled => RGBColor(224, 148, 60),
    }
}

/// Two bars for each store, 1 thread and 2, on a logarithmic scale.
pub fn hits(path: &Path, title: &str, rows: &[HitRow], settings: [usize; 2]) -> Result<(), Box<dyn Error>> {
    let rows: Vec<&HitRow> = rows.iter().filter(|row| row.median(settings[0]).is_some()).collect();
    let height = TOP + LINE * rows.len() as i32 + 40;
    let area = SVGBackend::new(path, (WIDTH, height as u32)).into_drawing_area();
    area.fill(&WHITE)?;
    let bottom = height - 40;
    let (low, high) = (10.0_f64, top_of(&rows, settings));
    let x = |value: f64| {
        let share = (value.max(low) / low).ln() / (high / low).ln();
        LEFT + (share * f64::from(WIDTH as i32 - LEFT - RIGHT)) as i32
    };
    let text =
        |size: u32, horizontal| ("sans-serif", size).into_font().color(&BLACK).pos(Pos::new(horizontal, VPos::Center));
    area.draw(&Text::new(title.to_owned(), (12, 20), text(17, HPos::Left)))?;
    let legend = "nanoseconds a hit, on a logarithmic scale; upper bar 1 thread, lower bar 2 threads at a time";
    area.draw(&Text::new(legend.to_owned(), (12, 42), text(12, HPos::Left)))?;
    let mut tick = low;
    while tick <= high * 1.001 {
        for part in [1.0, 2.0, 5.0] {
            let at = tick * part;
            if at <= high * 1.001 {
                let line = PathElement::new([(x(at), TOP), (x(at), bottom)], RGBColor(225, 225, 225));
                area.draw(&line)?;
                area.draw(&Text::new(format!("{at:.0}"), (x(at), bottom + 14), text(12, HPos::Center)))?;
            }
        }
        tick *= 10.0;
    }
    for (index, row) in rows.iter().enumerate() {
        let top = TOP + LINE * index as i32;
        let name = row.kind.name.replace('`', "");
        area.draw(&Text::new(name, (LEFT - 8, top + LINE / 2), text(13, HPos::Right)))?;
        for (bar, setting) in settings.into_iter().enumerate() {
            let Some(figures) = &row.figures[setting] else { continue };
            let from = top + 4 + 13 * bar as i32;
            let style = colour(row.kind.side).mix(if bar == 0 { 1.0 } else { 0.6 }).filled();
            area.draw(&Rectangle::new([(LEFT, from), (x(figures.median), from + 12)], style))?;
            let spread = [(x(figures.p10), from + 6), (x(figures.p90), from + 6)];
            area.draw(&PathElement::new(spread, BLACK.stroke_width(1)))?;
            let label = format!("{:.0}", figures.median);
            let right = x(figures.median).max(x(figures.p90)) + 5;
            area.draw(&Text::new(label, (right, from + 6), text(11, HPos::Left)))?;
        }
    }
    area.present()?;
    Ok(())
}

/// The end of the scale: a 1, 2 or 5 above everything.
fn top_of(rows: &[&HitRow], settings: [usize; 2]) -> f64 {
    let all = rows.iter().flat_map(|row| settings.map(|setting| row.figures[setting].as_ref().map_or(0.0, |f| f.p90)));
    let highest = all.fold(0.0, f64::max);
    let steps = (1..7).flat_map(|power| [1.0, 2.0, 5.0].map(|part| part * 10_f64.powi(power)));
    steps.into_iter().find(|step| *step >= highest).unwrap_or(highest)
}

/// Two panels: time a key and memory a key, over the number of keys. Flat lines are what is promised.
pub fn fleet(path: &Path, fleets: &[(Took, Memory)]) -> Result<(), Box<dyn Error>> {
    let area = SVGBackend::new(path, (WIDTH, 300)).into_drawing_area();
    area.fill(&WHITE)?;
    let time: Vec<_> =
        fleets.iter().map(|(took, _)| (took.keys, took.cpu.as_secs_f64() * 1e6 / took.keys as f64)).collect();
    let memory: Vec<_> = fleets.iter().map(|(_, memory)| (memory.keys, memory.live)).collect();
    panel(&area, 0, "processor time a key, µs", &time)?;
    panel(&area, WIDTH as i32 / 2, "memory a key, bytes (900 of them the token)", &memory)?;
    area.present()?;
    Ok(())
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn panel(area: &Area<'_>, left: i32, title: &str, points: &[(usize, f64)]) -> Result<(), Box<dyn Error>> {
    let text =
        |size: u32, horizontal| ("sans-serif", size).into_font().color(&BLACK).pos(Pos::new(horizontal, VPos::Center));
    let (start, end, top, bottom) = (left + 70, left + WIDTH as i32 / 2 - 40, 50, 260);
    area.draw(&Text::new(title.to_owned(), (left + 12, 22), text(15, HPos::Left)))?;
    let highest = points.iter().map(|point| point.1).fold(0.0, f64::max) * 1.15;
    let most = points.iter().map(|point| point.0).max().unwrap_or(1);
    let x = |keys: usize| start + (f64::from(end - start) * keys as f64 / most as f64) as i32;
    let y = |value: f64| bottom - (f64::from(bottom - top) * value / highest) as i32;
    area.draw(&PathElement::new([(start, top), (start, bottom), (end, bottom)], BLACK))?;
    for share in [0.0, 0.5, 1.0] {
        let value = highest * share;
        let label = if highest < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") };
        area.draw(&Text::new(label, (start - 8, y(value)), text(12, HPos::Right)))?;
    }
    for (keys, _) in points {
        area.draw(&Text::new(thousands(*keys), (x(*keys), bottom + 16), text(12, HPos::Center)))?;
    }
    let line: Vec<(i32, i32)> = points.iter().map(|(keys, value)| (x(*keys), y(*value))).collect();
    area.draw(&PathElement::new(line.clone(), colour(Side::Ours).stroke_width(2)))?;
    for point in line {
        area.draw(&Circle::new(point, 4, colour(Side::Ours).filled()))?;
    }
    Ok(())
}
