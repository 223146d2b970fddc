//! The plot, in SVG: what each way adds, with its range.

use std::fmt::Write as _;

use super::stats::Figures;
use super::variants::Comparison;

const ROW: usize = 22;
const LEFT: f64 = 290.0;
const WIDTH: f64 = 480.0;
const COLOURS: [&str; 2] = ["#9aa5b1", "#2f6f9f"];

/// Bars for all comparisons, each on a scale of its own.
#[must_use]
pub fn svg(comparisons: &[(&Comparison, Figures)]) -> String {
    let mut body = String::new();
    let mut y = 10;
    for (comparison, figures) in comparisons {
        y += ROW;
        let _ = writeln!(
            body,
            "<text x=\"10\" y=\"{y}\" font-weight=\"bold\">{} (µs added per request)</text>",
            text(comparison.title)
        );
        let added: Vec<_> = (1..figures.variants()).map(|variant| figures.added(variant)).collect();
        let most = added.iter().fold(1.0_f64, |most, figure| most.max(figure.high));
        for (variant, figure) in comparison.variants.iter().skip(1).zip(&added) {
            y += ROW;
            let length = |value: f64| (value.max(0.0) / most * WIDTH).round();
            let colour = COLOURS.get(usize::from(variant.name.contains("filter"))).unwrap_or(&"black");
            let (low, high) = (length(figure.low), length(figure.high));
            let _ = writeln!(
                body,
                "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
                 <rect x=\"{LEFT}\" y=\"{}\" width=\"{}\" height=\"14\" fill=\"{colour}\"/>\
                 <path d=\"M{} {}h{}\" stroke=\"black\"/><text x=\"{}\" y=\"{}\">{:.1}</text>",
                LEFT - 8.0,
                y,
                text(variant.name),
                y - 12,
                length(figure.value),
                LEFT + low,
                y - 5,
                high - low,
                LEFT + high + 6.0,
                y,
                figure.value
            );
        }
        y += ROW / 2;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"840\" height=\"{}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{body}</svg>\n",
        y + ROW
    )
}

fn text(plain: &str) -> String {
    plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::variants;
    use super::*;

    #[test]
    fn the_longest_bar_is_the_dearest_way() {
        let all = variants::all(2).unwrap();
        let comparison = all.iter().find(|comparison| comparison.name == "token-seen").unwrap();
        let mut figures = Figures::new(3);
        for _ in 0..20 {
            figures.add(&[40.0, 50.0, 80.0]);
        }
        let svg = svg(&[(comparison, figures)]);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("width=\"480\" height=\"14\" fill=\"#2f6f9f\""), "{svg}");
        assert!(svg.contains("width=\"120\" height=\"14\" fill=\"#9aa5b1\""), "{svg}");
    }
}
