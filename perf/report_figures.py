"""Figures of the report as inline SVG. Colours are CSS variables (light and dark, told apart by the colour-blind); everything is escaped."""

import html
import math

WIDTH = 960
SERIES = 9        # --s0 … --s8 in the style sheet; the last is for "other"
PALE = (1, 4, 5, 8)   # series that text on them must be dark against in either theme
CHARACTER = 6.7   # mean width of a character at 12 px, for placing labels


def escape(text):
    return html.escape(str(text), quote=True)


def text(x, y, content, anchor="start", kind="label", extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}"{extra}>{escape(content)}</text>'


def line(x1, y1, x2, y2, kind):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def rectangle(x, y, width, height, series, tip, kind="bar"):
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{height:.1f}" class="{kind}" style="fill:var(--s{series})">'
            f"<title>{escape(tip)}</title></rect>")


def svg(height, parts, label):
    return (f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(label)}" xmlns="http://www.w3.org/2000/svg">'
            + "".join(parts) + "</svg>")


def width_of(label):
    return CHARACTER * len(label)


def clipped(label, pixels):
    most = max(4, int(pixels / CHARACTER))
    return label if len(label) <= most else label[:most - 1] + "…"


def quantity(value, unit=""):
    """A number with an SI prefix and some three digits."""
    if value == 0:
        return f"0 {unit}".rstrip()
    for factor, prefix in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n")):
        if abs(value) >= factor * 0.9995:
            scaled = value / factor
            digits = 0 if abs(scaled) >= 99.95 else 1 if abs(scaled) >= 9.995 else 2
            return f"{scaled:.{digits}f} {prefix}{unit}".rstrip()
    return f"{value:.2g} {unit}".rstrip()


# ---- Grouped bars: the same quantity by several programs ----

def grouped_bars(groups, label):
    """groups: [(title, [(name, series, value, low or None, high or None, remark)])]; each group on a scale of its own, from 0."""
    left, right, bar, gap, between = 190, 210, 17, 5, 20
    y, parts = 6, []
    for title, bars in groups:
        top = max(max(value, high or 0) for _, _, value, _, high, _ in bars)
        parts.append(text(0, y + 12, title, kind="heading"))
        y += 22
        for name, series, value, low, high, remark in bars:
            scale = (WIDTH - left - right) / top
            parts.append(text(left - 8, y + 13, clipped(name, left - 12), "end"))
            parts.append(rectangle(left, y, value * scale, bar, series, f"{title}, {name}: {value:,.0f} {remark}"))
            if low is not None and high is not None:
                middle = y + bar / 2
                parts += [line(left + low * scale, middle, left + high * scale, middle, "whisker")]
                parts += [line(left + end * scale, middle - 4, left + end * scale, middle + 4, "whisker") for end in (low, high)]
            parts.append(text(left + max(value, high or 0) * scale + 8, y + 13, f"{value:,.0f}", kind="value"))
            parts.append(text(WIDTH, y + 13, remark, "end"))
            y += bar + gap
        y += between
    return svg(y - between + 6, parts, label)


# ---- Roofline ----

class Placement:
    """Puts labels where they hit neither each other nor a point."""

    def __init__(self, points, left, right, top, bottom):
        self.taken = [(x - 5, y - 5, x + 5, y + 5) for x, y in points]
        self.bounds = (left, top, right, bottom)

    def place(self, x, y, label):
        """(text x, baseline, box) nearest to the point; None where there is no room."""
        width, height = width_of(label) + 4, 14
        for distance in (8, 16, 28, 42, 60, 80, 104, 130, 160, 200):
            for angle in range(0, 360, 24):
                centre_x = x + math.cos(math.radians(angle)) * (distance + width / 2)
                centre_y = y - math.sin(math.radians(angle)) * (distance + height / 2)
                box = (centre_x - width / 2, centre_y - height / 2, centre_x + width / 2, centre_y + height / 2)
                if self.fits(box):
                    self.taken.append(box)
                    return box[0] + 2, box[3] - 3, box
        return None

    def fits(self, box):
        left, top, right, bottom = self.bounds
        inside = box[0] >= left and box[2] <= right and box[1] >= top and box[3] <= bottom
        return inside and all(box[2] < other[0] or box[0] > other[2] or box[3] < other[1] or box[1] > other[3] for other in self.taken)


def decades(low, high):
    return [10.0 ** exponent for exponent in range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)]


def roofline(points, bandwidth, peak, label):
    """points: [(operation, detail, FLOP/byte, FLOP/s)]; the largest of an operation is named, each is there. Log-log."""
    left, right, top, bottom = 74, WIDTH - 16, 14, 430
    ridge = peak / bandwidth
    low_x = 10 ** math.floor(math.log10(min([ridge] + [point[2] for point in points])))
    high_x = 10 ** math.ceil(math.log10(max([ridge * 4] + [point[2] for point in points]) * 1.05))
    low_y = 10 ** math.floor(math.log10(min([bandwidth * low_x] + [point[3] for point in points]) * 0.9))
    high_y = 10 ** math.ceil(math.log10(max([peak] + [point[3] for point in points]) * 1.3))

    def across(value):
        return left + (right - left) * math.log(value / low_x) / math.log(high_x / low_x)

    def up(value):
        return bottom - (bottom - top) * math.log(value / low_y) / math.log(high_y / low_y)
    parts = [line(across(value), top, across(value), bottom, "grid") + text(across(value), bottom + 18, f"{value:g}", "middle")
             for value in decades(low_x, high_x)]
    parts += [line(left, up(value), right, up(value), "grid") + text(left - 8, up(value) + 4, quantity(value), "end") for value in decades(low_y, high_y)]
    parts.append(text((left + right) / 2, bottom + 38, "FLOP / byte that must be moved", "middle"))
    parts.append(text(left + 4, top - 2 + 12, "FLOP/s", kind="label"))
    parts.append(f'<polyline class="roof" points="{across(low_x):.1f},{up(bandwidth * low_x):.1f} {across(ridge):.1f},{up(peak):.1f} '
                 f'{across(high_x):.1f},{up(peak):.1f}"/>')
    names = list(dict.fromkeys(point[0] for point in points))
    placement = Placement([(across(x), up(y)) for _, _, x, y in points], left, right, top, bottom)
    roofs = [(across(high_x) - 4, up(peak) - 6, f"matrix products: {quantity(peak, 'FLOP/s')}", "end")]
    placement.taken.append((roofs[0][0] - width_of(roofs[0][2]), roofs[0][1] - 14, roofs[0][0], roofs[0][1] + 6))
    placement.taken += slope_boxes(across, up, low_x, ridge, bandwidth)
    parts += [text(x, y, content, anchor, "heading") for x, y, content, anchor in roofs]
    parts.append(copy_label(across, up, low_x, ridge, bandwidth))
    for operation, detail, x, y in points:
        series = names.index(operation) % (SERIES - 1)
        parts.append(f'<circle cx="{across(x):.1f}" cy="{up(y):.1f}" r="4.5" class="point" style="fill:var(--s{series})">'
                     f"<title>{escape(operation)} {escape(detail)}: {quantity(y, 'FLOP/s')} at {x:.3g} FLOP/byte</title></circle>")
    for name in names:
        parts += name_label(placement, name, max((point for point in points if point[0] == name), key=lambda point: point[3]), across, up)
    return svg(bottom + 46, parts, label)


def slope_boxes(across, up, low, ridge, bandwidth):
    """Small boxes along the slope, which labels keep clear of."""
    steps = 40
    values = [low * (ridge / low) ** (index / steps) for index in range(steps + 1)]
    return [(across(value) - 3, up(bandwidth * value) - 6, across(value) + 3, up(bandwidth * value) + 6) for value in values]


def copy_label(across, up, low, ridge, bandwidth):
    begin, end = (across(low), up(bandwidth * low)), (across(ridge), up(bandwidth * ridge))
    x, y = begin[0] + 0.16 * (end[0] - begin[0]), begin[1] + 0.16 * (end[1] - begin[1])
    angle = math.degrees(math.atan2(end[1] - begin[1], end[0] - begin[0]))
    return text(x, y - 8, f"copy: {quantity(bandwidth, 'B/s')}", kind="heading", extra=f' transform="rotate({angle:.1f} {x:.1f} {y:.1f})"')


def name_label(placement, name, point, across, up):
    x, y = across(point[2]), up(point[3])
    place = placement.place(x, y, name)
    if place is None:
        return []
    label_x, label_y, box = place
    near_x, near_y = min(max(x, box[0]), box[2]), min(max(y, box[1]), box[3])
    leader = [line(x, y, near_x, near_y, "leader")] if math.hypot(near_x - x, near_y - y) > 6 else []
    return leader + [text(label_x, label_y, name)]


# ---- Stacked bars: where a step's time goes ----

def stacked_bars(bars, names, label):
    """bars: [(title, total text, {name: seconds})]; names in order, each its colour; every bar has the full width."""
    left, right, height, y, parts = 0, WIDTH, 30, 4, []
    for title, total, shares in bars:
        whole = sum(shares.values()) or 1.0
        parts += [text(left, y + 12, title, kind="heading"), text(right, y + 12, total, "end")]
        y += 18
        x = left
        for index, name in enumerate(names):
            share = shares.get(name, 0.0) / whole
            if share <= 0:
                continue
            width = (right - left) * share
            parts.append(rectangle(x, y, width - 1, height, min(index, SERIES - 1), f"{title}, {name}: {share:.1%}, {quantity(shares[name], 's')}"))
            if width > width_of("00 %") + 6:
                parts.append(text(x + width / 2, y + 20, f"{100 * share:.0f} %", "middle", "inside dark" if min(index, SERIES - 1) in PALE else "inside"))
            x += width
        y += height + 16
    return svg(legend(parts, names, y), parts, label)


def legend(parts, names, y):
    """Swatches with names in rows that fit; returns the height after them."""
    x = 0
    for index, name in enumerate(names):
        width = 24 + width_of(name) + 24
        if x + width > WIDTH:
            x, y = 0, y + 22
        parts.append(rectangle(x, y + 2, 14, 14, min(index, SERIES - 1), name))
        parts.append(text(x + 20, y + 14, name))
        x += width
    return y + 26


# ---- History ----

def history(series, dates, label):
    """series: [(name, [(index of date, value)])]; each relative to its first value, log scale, a date a column."""
    left, right, top, bottom = 66, WIDTH - 250, 12, 260
    relative = [(name, [(at, value / points[0][1]) for at, value in points]) for name, points in series]
    values = [value for _, points in relative for _, value in points]
    low, high = min(values + [0.95]) * 0.97, max(values + [1.05]) * 1.03

    def across(at):
        return left + (right - left) * (0.5 if len(dates) == 1 else at / (len(dates) - 1))

    def up(value):
        return bottom - (bottom - top) * math.log(value / low) / math.log(high / low)
    parts = [line(left, up(value), right, up(value), "grid") + text(left - 8, up(value) + 4, f"{value:.2f}×", "end") for value in ticks(low, high)]
    every = max(1, math.ceil(len(dates) / 8))
    parts += [text(across(at), bottom + 20, date, "middle") for at, date in enumerate(dates) if at % every == 0 or at == len(dates) - 1]
    ends = []
    for index, (name, points) in enumerate(relative):
        colour = f"var(--s{index % (SERIES - 1)})"
        path = " ".join(f"{across(at):.1f},{up(value):.1f}" for at, value in points)
        parts.append(f'<polyline class="curve" style="stroke:{colour}" points="{path}"/>')
        parts += [f'<circle cx="{across(at):.1f}" cy="{up(value):.1f}" r="4" class="point" style="fill:{colour}">'
                  f"<title>{escape(name)}, {escape(dates[at])}: {value:.3f}×</title></circle>" for at, value in points]
        ends.append((up(points[-1][1]), name, points[-1][1], across(points[-1][0])))
    parts += end_labels(ends, right, top, bottom)
    return svg(bottom + 32, parts, label)


def ticks(low, high):
    for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10):
        count = math.floor(high / step) - math.ceil(low / step) + 1
        if count <= 8:
            return [step * (math.ceil(low / step) + index) for index in range(count)]
    return [1.0]


def end_labels(ends, right, top, bottom):
    """Names beside the curves' ends, pushed apart."""
    parts, ordered = [], sorted(ends)
    places = []
    for y, *_ in ordered:
        places.append(max(y, places[-1] + 16) if places else y)
    over = max(0.0, places[-1] - bottom) if places else 0.0
    places = [max(top + 16 * index, y - over) for index, y in enumerate(places)]
    for (y, name, value, x), place in zip(ordered, places):
        parts.append(line(x + 6, y, right + 14, place, "leader"))
        parts.append(text(right + 18, place + 4, clipped(f"{value:.2f}× {name}", WIDTH - right - 20)))
    return parts
