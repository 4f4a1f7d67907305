//! What an attach costs beside more and more of its kind, and a published port beside more and more ports, as pictures (SVG).

use crate::case::Row;
use crate::cases::Size;
use crate::{ports, process};
use anyhow::{Context, Result, anyhow};
use plotters::prelude::*;
use std::path::Path;

const ATTACHED: [usize; 5] = [0, 100, 250, 500, 1_000];
const PORTS: [u16; 5] = [1, 100, 1_000, 2_500, 5_000];
const SIZE: (u32, u32) = (720, 400);
const COLOURS: [RGBColor; 4] = [BLACK, BLUE, RED, GREEN];

/// Measures both and writes `attach.svg` and `port.svg`; gives the rows.
pub fn draw(size: &Size, directory: &Path) -> Result<Vec<Row>> {
    let mut attached = Vec::new();
    for many in ATTACHED {
        attached.push((many, process::attach_beside(size, many)?.measure()?));
    }
    let mut published = Vec::new();
    for many in PORTS {
        published.push((
            many.into(),
            ports::one_more("one more port", many, size).measure()?,
        ));
    }
    let title = "attach with one port, whole process";
    chart(
        &directory.join("attach.svg"),
        title,
        "attached already",
        &attached,
    )?;
    let title = "one more published port, in process";
    chart(
        &directory.join("port.svg"),
        title,
        "published already",
        &published,
    )?;
    Ok(attached
        .into_iter()
        .chain(published)
        .map(|(_, row)| row)
        .collect())
}

/// A line for each contender: medians in microseconds.
fn chart(path: &Path, title: &str, below: &str, points: &[(usize, Row)]) -> Result<()> {
    draw_chart(path, title, below, points)
        .map_err(|err| anyhow!("{err}"))
        .with_context(|| format!("draw {}", path.display()))
}

fn draw_chart(
    path: &Path,
    title: &str,
    below: &str,
    points: &[(usize, Row)],
) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let rows = || points.iter().map(|(_, row)| row);
    let most = rows().flat_map(|row| row.times.iter().map(|(_, times)| row.each(times.median())));
    let (last, most) = (
        points.last().map_or(1, |(many, _)| *many),
        most.fold(1.0, f64::max),
    );
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(60)
        .build_cartesian_2d(0..last, 0.0..most * 1.1)?;
    chart
        .configure_mesh()
        .x_desc(below)
        .y_desc("microseconds, median")
        .draw()?;
    let names = rows().next().map_or(Vec::new(), |row| {
        row.times.iter().map(|(name, _)| *name).collect()
    });
    for (at, (name, colour)) in names.iter().zip(COLOURS).enumerate() {
        let line = points
            .iter()
            .map(|(many, row)| (*many, row.each(row.times[at].1.median())));
        chart
            .draw_series(LineSeries::new(line, colour.stroke_width(2)).point_size(3))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
    }
    chart
        .configure_series_labels()
        .background_style(WHITE)
        .border_style(BLACK)
        .position(SeriesLabelPosition::LowerRight)
        .draw()?;
    Ok(root.present()?)
}
