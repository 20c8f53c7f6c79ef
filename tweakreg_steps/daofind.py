"""proto"""
from __future__ import annotations
from dataclasses import dataclass
import numpy as np
from tweakreg_steps.daofind_kernel import *
from tweakreg_steps.daofind_measure import *
from tweakreg_steps.daofind_maxima import *

def proto(pixels, good, thr, **kw):
    k=make_kernel(**kw)
    h=fit_heights(pixels,k)
    m=find_maxima(h,good,k,threshold_level=thr)
    b=cut_boxes(pixels,m,k)
    hb=cut_boxes(h,m,k)
    mx,my=fit_marginals(b,k)
    ok=np.isfinite(mx.shift)&np.isfinite(my.shift)
    r2=2*(mx.height-my.height)/(mx.height+my.height)
    return dict(x=(m.column+1+mx.shift)[ok],y=(m.row+1+my.shift)[ok],flux=b.sum(axis=(1,2))[ok],peak=b.max(axis=(1,2))[ok],sharp=sharpness(b,hb[:,k.half_y,k.half_x],k)[ok],r1=roundness_of_heights(hb)[ok],r2=r2[ok],row=m.row[ok],col=m.column[ok],dropped=(~ok).sum(), dx=mx.shift[ok],dy=my.shift[ok])
