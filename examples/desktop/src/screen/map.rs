//! The map: each vehicle with the way it has come, and the trip's two ends.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::symbols::Marker;
use ratatui::text::Line;
use ratatui::widgets::Block;
use ratatui::widgets::canvas::{Canvas, Line as Stroke};

use crate::engine::Point;
use crate::scene::Scene;

/// Told apart by these, in the order of their names.
pub(super) const COLOURS: [Color; 6] =
    [Color::Green, Color::Cyan, Color::Magenta, Color::Yellow, Color::Blue, Color::Red];
/// A cell of a terminal is about twice as high as wide.
const CELL: f64 = 2.0;
/// Degrees around what is known, so that nobody drives on the frame.
const ROOM: f64 = 0.0015;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, scene: &Scene) {
    let trip = scene.trip.as_ref();
    let ends = [("P", trip.and_then(|trip| trip.pickup)), ("D", trip.and_then(|trip| trip.dropoff))];
    let known = scene.trails.values().flatten().copied().chain(ends.iter().filter_map(|(_, end)| *end));
    let Some((x, y)) = bounds(known, area) else {
        frame.render_widget(Block::bordered().title(" waiting for the first vehicle "), area);
        return;
    };
    let canvas = Canvas::default()
        .block(Block::bordered().title(" map "))
        .marker(Marker::Braille)
        .x_bounds(x)
        .y_bounds(y)
        .paint(|context| {
            for (trail, colour) in scene.trails.values().zip(COLOURS.into_iter().cycle()) {
                for leg in trail.windows(2) {
                    context.draw(&Stroke::new(
                        leg[0].longitude,
                        leg[0].latitude,
                        leg[1].longitude,
                        leg[1].latitude,
                        colour,
                    ));
                }
            }
            context.layer();
            for (name, end) in &ends {
                if let Some(end) = end {
                    context.print(end.longitude, end.latitude, Line::styled(*name, Style::new().bold().reversed()));
                }
            }
            for ((id, trail), colour) in scene.trails.iter().zip(COLOURS.into_iter().cycle()) {
                if let Some(at) = trail.last() {
                    let label = format!("●{}", id.strip_prefix("vehicle_").unwrap_or(id));
                    context.print(at.longitude, at.latitude, Line::styled(label, Style::new().fg(colour).bold()));
                }
            }
        });
    frame.render_widget(canvas, area);
}

/// Degrees of longitude and latitude that hold every point and are no more stretched than a map may be.
fn bounds(points: impl Iterator<Item = Point>, area: Rect) -> Option<([f64; 2], [f64; 2])> {
    let (mut west, mut east, mut south, mut north) = (f64::MAX, f64::MIN, f64::MAX, f64::MIN);
    for point in points {
        (west, east) = (west.min(point.longitude), east.max(point.longitude));
        (south, north) = (south.min(point.latitude), north.max(point.latitude));
    }
    if west > east {
        return None;
    }
    let narrower = south.to_radians().cos();
    let (mut width, mut height) = ((east - west) * narrower + 2.0 * ROOM, north - south + 2.0 * ROOM);
    let shape = f64::from(area.width.max(1)) / (f64::from(area.height.max(1)) * CELL);
    (width, height) = (width.max(height * shape), height.max(width / shape));
    let (x, y) = (f64::midpoint(west, east), f64::midpoint(south, north));
    let half = width / narrower / 2.0;
    Some(([x - half, x + half], [y - height / 2.0, y + height / 2.0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_holds_everybody_and_is_not_stretched() {
        let points = [(48.13, 11.55), (48.15, 11.58)].map(|(latitude, longitude)| Point { latitude, longitude });
        for area in [Rect::new(0, 0, 40, 20), Rect::new(0, 0, 160, 20), Rect::new(0, 0, 20, 60)] {
            let (x, y) = bounds(points.into_iter(), area).unwrap();
            for point in points {
                assert!((x[0]..=x[1]).contains(&point.longitude) && (y[0]..=y[1]).contains(&point.latitude));
            }
            let metres = ((x[1] - x[0]) * 48.13f64.to_radians().cos(), y[1] - y[0]);
            let cells = (f64::from(area.width), f64::from(area.height) * CELL);
            assert!((metres.0 / metres.1 / (cells.0 / cells.1) - 1.0).abs() < 0.01, "{area:?}");
        }
        assert!(bounds(std::iter::empty(), Rect::new(0, 0, 10, 10)).is_none());
    }
}
