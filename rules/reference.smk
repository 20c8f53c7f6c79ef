localrules:
    build_reference_plane,
    build_reference,


use rule step as build_reference_plane with:
    """all WCS → reference/wcs.fits"""
    input:
        **project.inputs("build_reference_plane"),
    output:
        **project.outputs("build_reference_plane"),
    log:
        project.log("build_reference_plane"),
    resources:
        **project.resources("build_reference_plane"),
    params:
        job=project.job("build_reference_plane"),


use rule step as build_reference with:
    """reference catalog, or one image's sky list → reference/sources.fits"""
    input:
        **project.inputs("build_reference"),
    output:
        **project.outputs("build_reference"),
    log:
        project.log("build_reference"),
    resources:
        **project.resources("build_reference"),
    params:
        job=project.job("build_reference"),
