localrules:
    write_catfile_list,
    write_refcat,
    write_shiftfile,


use rule step as write_headerlet with:
    """fit + exposure → headerlets/"""
    input:
        **project.inputs("write_headerlet"),
    output:
        **project.outputs("write_headerlet"),
    log:
        project.log("write_headerlet"),
    wildcard_constraints:
        **project.constraints("write_headerlet"),
    group:
        "fit"
    resources:
        **project.resources("write_headerlet"),
    params:
        job=project.job("write_headerlet"),


use rule step as update_header with:
    """fit + exposure → aligned/ under its own file name"""
    input:
        **project.inputs("update_header"),
    output:
        **project.outputs("update_header"),
    log:
        project.log("update_header"),
    wildcard_constraints:
        **project.constraints("update_header"),
    group:
        "fit"
    resources:
        **project.resources("update_header"),
    params:
        job=project.job("update_header"),


use rule step as transfer_header with:
    """fit + another file of the exposure → aligned/ under its own file name"""
    input:
        **project.inputs("transfer_header"),
    output:
        **project.outputs("transfer_header"),
    log:
        project.log("transfer_header"),
    wildcard_constraints:
        **project.constraints("transfer_header"),
    group:
        "fit"
    resources:
        **project.resources("transfer_header"),
    params:
        job=project.job("transfer_header"),


use rule step as write_chip_catalog with:
    """catalog → TweakReg's text catalog of one chip"""
    input:
        **project.inputs("write_chip_catalog"),
    output:
        **project.outputs("write_chip_catalog"),
    log:
        project.log("write_chip_catalog"),
    wildcard_constraints:
        **project.constraints("write_chip_catalog"),
    group:
        project.measuring_group
    resources:
        **project.resources("write_chip_catalog"),
    params:
        job=project.job("write_chip_catalog"),


use rule step as write_catalogs with:
    """sky list + pairs + fit → TweakReg's text catalogs and match files"""
    input:
        **project.inputs("write_catalogs"),
    output:
        **project.outputs("write_catalogs"),
    log:
        project.log("write_catalogs"),
    wildcard_constraints:
        **project.constraints("write_catalogs"),
    group:
        "fit"
    resources:
        **project.resources("write_catalogs"),
    params:
        job=project.job("write_catalogs"),


use rule step as write_sky_catalog with:
    """sky list of the reference image → TweakReg's text catalog"""
    input:
        **project.inputs("write_sky_catalog"),
    output:
        **project.outputs("write_sky_catalog"),
    log:
        project.log("write_sky_catalog"),
    wildcard_constraints:
        **project.constraints("write_sky_catalog"),
    resources:
        **project.resources("write_sky_catalog"),
    params:
        job=project.job("write_sky_catalog"),


use rule step as write_catfile_list with:
    """→ TweakReg's list of all text catalogs"""
    input:
        **project.inputs("write_catfile_list"),
    output:
        **project.outputs("write_catfile_list"),
    log:
        project.log("write_catfile_list"),
    resources:
        **project.resources("write_catfile_list"),
    params:
        job=project.job("write_catfile_list"),


use rule step as write_refcat with:
    """reference sources → TweakReg's cumulative catalog"""
    input:
        **project.inputs("write_refcat"),
    output:
        **project.outputs("write_refcat"),
    log:
        project.log("write_refcat"),
    resources:
        **project.resources("write_refcat"),
    params:
        job=project.job("write_refcat"),


use rule step as write_shiftfile with:
    """all fits → the shift file and its reference WCS"""
    input:
        **project.inputs("write_shiftfile"),
    output:
        **project.outputs("write_shiftfile"),
    log:
        project.log("write_shiftfile"),
    resources:
        **project.resources("write_shiftfile"),
    params:
        job=project.job("write_shiftfile"),
