"""The power of a paired comparison, approximate and exact: what the items that the site names are held to."""

from math import sqrt

from calculator.stats import binomial
from calculator.stats.normal import critical_z, normal_cdf


def paired_power(items, gain, discordant, alpha=0.05):
    """Chance that items shared items show a difference of gain: Connor's formula solved for the power."""
    z, spread = critical_z(1.0 - alpha), sqrt(discordant - gain * gain)
    distance = abs(gain) * sqrt(items) - z * sqrt(discordant)
    if spread == 0.0:
        return float(distance >= 0.0)
    return normal_cdf(distance / spread)


def exact_paired_power(items, gain, discordant, alpha=0.05):
    """Chance that the exact test of McNemar at level alpha finds the gain, summed over all discordant counts."""
    if discordant == 0.0:
        return 0.0
    share = 0.5 * (1.0 + abs(gain) / discordant)
    reach = 9.0 * sqrt(items * discordant * (1.0 - discordant)) + 9.0
    first = max(0, int(items * discordant - reach))
    last = min(items, int(items * discordant + reach) + 1)
    power, critical = 0.0, 0
    for count in range(first, last + 1):
        critical = max(0, min(critical, count))
        while binomial.cdf(critical, count, 0.5) * 2.0 <= alpha:
            critical += 1
        while critical > 0 and binomial.cdf(critical - 1, count, 0.5) * 2.0 > alpha:
            critical -= 1
        # From here critical is the smallest minority count that no longer rejects.
        rejects = binomial.cdf(critical - 1, count, 1.0 - share) + binomial.cdf(critical - 1, count, share)
        power += binomial.pmf(count, items, discordant) * rejects
    return min(1.0, power)
