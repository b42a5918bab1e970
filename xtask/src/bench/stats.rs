//! Medians and percentiles of a few or many values.

/// The value below which the given share (0 to 1) of the values lies. 0 for none.
pub(super) fn percentile(values: &mut [f64], share: f64) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index"
    )]
    let at = ((values.len() - 1) as f64 * share).round() as usize;
    values[at.min(values.len() - 1)]
}

/// `median (lowest – highest)`, with so many decimals.
pub(super) fn spread(values: &[f64], decimals: usize, unit: &str) -> String {
    let mut values = values.to_vec();
    let median = percentile(&mut values, 0.5);
    match (values.first(), values.last()) {
        (Some(low), Some(high)) if values.len() > 1 => {
            format!("{median:.decimals$}{unit} ({low:.decimals$} – {high:.decimals$})")
        }
        _ => format!("{median:.decimals$}{unit}"),
    }
}

/// How much the second value of the points rises for one of the first: the line that fits best (least squares).
pub(super) fn slope(points: &[(f64, f64)]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a count")]
    let n = points.len().max(1) as f64;
    let mean_x = points.iter().map(|p| p.0).sum::<f64>() / n;
    let mean_y = points.iter().map(|p| p.1).sum::<f64>() / n;
    let together: f64 = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let square: f64 = points.iter().map(|(x, _)| (x - mean_x) * (x - mean_x)).sum();
    if square > 0.0 { together / square } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let mut values = vec![5.0, 1.0, 4.0, 2.0, 3.0];
        assert!((percentile(&mut values, 0.5) - 3.0).abs() < f64::EPSILON);
        assert!((percentile(&mut values, 0.99) - 5.0).abs() < f64::EPSILON);
        assert!(percentile(&mut [], 0.5).abs() < f64::EPSILON);
        assert!((slope(&[(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]) - 2.0).abs() < 1e-9);
        assert!(slope(&[(1.0, 3.0)]).abs() < f64::EPSILON);
        assert_eq!(spread(&[2.0, 1.0, 3.0], 1, " ms"), "2.0 ms (1.0 – 3.0)");
    }
}
