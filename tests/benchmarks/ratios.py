"""Medians, and confidence intervals of them by resampling. Pure but for the fixed seed."""
import random
import statistics

RESAMPLES = 4000
SEED = 20261127


def median_interval(values, seed=1):
    """(median, low, high): 95 % of the medians of resampled values lie between low and high."""
    draw = random.Random(seed)
    medians = sorted(statistics.median(draw.choices(values, k=len(values)))
                     for _ in range(RESAMPLES))
    return (statistics.median(values), medians[int(RESAMPLES * 0.025)],
            medians[int(RESAMPLES * 0.975)])


def blocks(measure, whose, number, tell):
    """[{who: result}]: each block measures everyone, in any order."""
    draw, found = random.Random(SEED), []
    for block in range(number):
        order = list(whose)
        draw.shuffle(order)
        found.append({who: measure(who) for who in order})
        tell(f"block {block + 1} of {number}: " + ", ".join(
            f"{who} {result['seconds']:.2f} s" for who, result in found[-1].items()))
    return found


def discard_odd(blocks, figure, share=0.25):
    """Blocks whose `figure` is farther from the median than that share were disturbed."""
    middle = statistics.median(figure(block) for block in blocks)
    return [block for block in blocks if abs(figure(block) - middle) <= share * middle]


def told(interval, digits=2):
    middle, low, high = interval
    return f"{middle:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"
