use rule step as find_sources with:
    """exposure + mask → catalogs/{image}.fits and its quicklook"""
    input:
        **project.inputs("find_sources"),
    output:
        **project.outputs("find_sources"),
    log:
        project.log("find_sources"),
    wildcard_constraints:
        **project.constraints("find_sources"),
    group:
        "find"
    resources:
        **project.resources("find_sources"),
    params:
        job=project.job("find_sources"),


use rule step as read_catalogs with:
    """catalogs made elsewhere → catalogs/{image}.fits"""
    input:
        **project.inputs("read_catalogs"),
    output:
        **project.outputs("read_catalogs"),
    log:
        project.log("read_catalogs"),
    wildcard_constraints:
        **project.constraints("read_catalogs"),
    group:
        "find"
    resources:
        **project.resources("read_catalogs"),
    params:
        job=project.job("read_catalogs"),


use rule step as draw_image with:
    """pixels + catalog → quicklooks/{image}.json, where sources come from catalogs"""
    input:
        **project.inputs("draw_image"),
    output:
        **project.outputs("draw_image"),
    log:
        project.log("draw_image"),
    wildcard_constraints:
        **project.constraints("draw_image"),
    group:
        "find"
    resources:
        **project.resources("draw_image"),
    params:
        job=project.job("draw_image"),


use rule step as build_psf with:
    """dithered exposures + catalogs → psf/{psf}.fits"""
    input:
        **project.inputs("build_psf"),
    output:
        **project.outputs("build_psf"),
    log:
        project.log("build_psf"),
    wildcard_constraints:
        **project.constraints("build_psf"),
    resources:
        **project.resources("build_psf"),
    params:
        job=project.job("build_psf"),


use rule step as measure_positions with:
    """exposure + catalog + PSF → positions/{image}.fits"""
    input:
        **project.inputs("measure_positions"),
    output:
        **project.outputs("measure_positions"),
    log:
        project.log("measure_positions"),
    wildcard_constraints:
        **project.constraints("measure_positions"),
    group:
        project.measuring_group
    resources:
        **project.resources("measure_positions"),
    params:
        job=project.job("measure_positions"),


use rule step as undistort_sources with:
    """catalog + WCS → sky/{image}.fits"""
    input:
        **project.inputs("undistort_sources"),
    output:
        **project.outputs("undistort_sources"),
    log:
        project.log("undistort_sources"),
    wildcard_constraints:
        **project.constraints("undistort_sources"),
    group:
        project.measuring_group
    resources:
        **project.resources("undistort_sources"),
    params:
        job=project.job("undistort_sources"),
