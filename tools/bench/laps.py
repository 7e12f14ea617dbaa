"""From the times of steps or epochs to one figure."""

import statistics


def median_of_laps(laps, seconds):
    """Samples per second: laps of (samples, seconds) are joined to an eighth of the
    measurement or longer, and the median of those counts."""
    rates, samples, spent = [], 0, 0.0
    for lap_samples, lap_seconds in laps:
        samples += lap_samples
        spent += lap_seconds
        if spent >= seconds / 8:
            rates.append(samples / spent)
            samples, spent = 0, 0.0
    if not rates and spent > 0:
        rates.append(samples / spent)
    return statistics.median(rates)
