"""Captions alone on nothing, for editors to lay over their own picture."""

from __future__ import annotations

from talkreel.core.edits import Canvas
from talkreel.rendering.graph import CAPTIONS_NAME, FONTS_NAME

# Rounding leaves this much of an alpha of 255 where nothing is drawn.
_SPECK = 2


def overlay_graph(canvas: Canvas, frames: int) -> str:
    """A graph to ``[picture]``: the caption script in RGB with straight alpha.

    libass draws on opaque pictures only (ffmpeg's own alpha mode squares the opacity), so it
    draws over black and over white: what differs between the two is what shows through.
    """
    drawn = f"ass={CAPTIONS_NAME}:fontsdir={FONTS_NAME}"
    rate = f"{canvas.frame_rate.numerator}/{canvas.frame_rate.denominator}"
    clear = f"if(lt(val,{_SPECK}),0,val)"
    return ";\n".join(
        (
            f"color=c=black:s={canvas.width}x{canvas.height}:r={rate},trim=end_frame={frames},"
            "format=gbrp,split[black][paper]",
            f"[black]{drawn},split[onblack][again]",
            f"[paper]negate,{drawn}[onwhite]",
            "[onwhite][again]blend=all_mode=difference,negate,extractplanes=g,"
            f"lut=c0='{clear}'[alpha]",
            "[onblack][alpha]alphamerge,format=gbrap,setparams=alpha_mode=premultiplied,"
            "unpremultiply=inplace=1,"
            "scale=out_color_matrix=bt709:out_range=limited,format=yuva444p10le,setsar=1[picture]",
        )
    )
