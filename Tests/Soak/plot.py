"""The course of a run as an SVG picture, one panel above the other."""

MIB = 1 << 20
WIDTH, PANEL, LEFT, RIGHT, TOP, GAP = 960, 150, 70, 170, 40, 46
COLOURS = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd"]
PANELS = [
    ("memory, MiB", MIB, [("resident_bytes", "resident"), ("reported_bytes", "reported"), ("buffer_bytes", "buffer"), ("heap_bytes", "heap")]),
    ("file descriptors, threads", 1, [("file_descriptors", "file descriptors"), ("threads", "threads")]),
    ("queries, ms", 1, [("p50_ms", "p50"), ("p99_ms", "p99")]),
    ("series held, thousands", 1000, [("series", "series")]),
    ("samples sent a second, failures", 1, [("sent_per_second", "samples/s"), ("failures", "failures")]),
]


def picture(rows, begin, title):
    """`begin`: the time in seconds from which the second half is reckoned."""
    height = TOP + len(PANELS) * (PANEL + GAP)
    last = max(rows[-1]["seconds"], 1)
    half = (begin + last) / 2
    x = lambda seconds: LEFT + (WIDTH - LEFT - RIGHT) * seconds / last
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="20" font-size="15">{title}</text>',
    ]
    for number, (name, unit, lines) in enumerate(PANELS):
        top = TOP + number * (PANEL + GAP)
        bottom = top + PANEL
        most = max(max(row[column] for row in rows) / unit for column, _ in lines) * 1.1 or 1
        out.append(f'<rect x="{x(half):.1f}" y="{top}" width="{x(last) - x(half):.1f}" height="{PANEL}" fill="#f2f2f2"/>')
        out.append(f'<text x="{LEFT}" y="{top - 5}">{name}</text>')
        for tick in range(5):
            y = bottom - PANEL * tick / 4
            out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
            out.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{most * tick / 4:.4g}</text>')
        for tick in range(7):
            seconds = last * tick / 6
            out.append(f'<text x="{x(seconds):.1f}" y="{bottom + 15}" text-anchor="middle">{seconds / 60:.3g} min</text>')
        for index, (column, label) in enumerate(lines):
            points = " ".join(f'{x(row["seconds"]):.1f},{bottom - PANEL * row[column] / unit / most:.1f}' for row in rows)
            colour = COLOURS[index]
            out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
            out.append(f'<text x="{WIDTH - RIGHT + 10}" y="{top + 14 + 16 * index}" fill="{colour}">{label}</text>')
    return "\n".join([*out, "</svg>", ""])
