"""The ratios as a picture: how long wimstore takes where wimlib takes 1."""
from .measure import Cost

LIMIT = 1.5  # longer bars are cut here; their numbers say how long they are
COLOURS = ("#2f6f9f", "#7fb2d6", "#c77d2e", "#e6b980")


def draw(results: dict[str, dict[str, dict[str, Cost]]], path: str) -> None:
    """Draws compression -> row -> program -> cost as bars, one colour for each compression, to a PNG file."""
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot

    ratios = {compression: wall_ratios(rows) for compression, rows in results.items()}
    names = list(dict.fromkeys(name for rows in ratios.values() for name in rows))
    thickness = 0.8 / len(ratios)
    figure, axes = pyplot.subplots(figsize=(9, 1.2 + 0.24 * sum(map(len, ratios.values()))), layout="constrained")
    for number, (compression, rows) in enumerate(ratios.items()):
        places = [names.index(name) + (number - (len(ratios) - 1) / 2) * thickness for name in rows]
        bars = axes.barh(places, [min(ratio, LIMIT) for ratio in rows.values()], thickness, label=compression,
                         color=COLOURS[number % len(COLOURS)])
        axes.bar_label(bars, [f"{ratio:.2f}" for ratio in rows.values()], padding=3, fontsize=8)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_yticks(range(len(names)), [name.replace("`", "") for name in names])
    axes.invert_yaxis()
    axes.set_xlim(0, LIMIT + 0.15)
    axes.set_xlabel("time of wimstore, where wimlib takes 1")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower right", frameon=False)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    pyplot.close(figure)


def wall_ratios(rows: dict[str, dict[str, Cost]]) -> dict[str, float]:
    """Our time over wimlib's of each row that both have."""
    return {name: costs["wimstore"].wall / costs["wimlib"].wall for name, costs in rows.items() if "wimlib" in costs}
